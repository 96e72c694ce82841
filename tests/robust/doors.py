"""Every reader of the package that takes arrays, images or text from a stranger, with a file that it accepts."""
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from mmxas.apis.image_inputs import as_image_inputs
from mmxas.body_models import read_body_model
from mmxas.body_models.keypoint_definitions import read_keypoint_definitions
from mmxas.datasets.converters.sequences import read_part
from mmxas.datasets.datasets import H36MPoseDataset, ImageFolderDataset, MPIINF3DHPDataset
from mmxas.datasets.datasets.rendered_pairs import read_splits
from mmxas.datasets.transforms import LoadMask, LoadXASImage, read_image
from mmxas.evaluation.result_file import read_result
from mmxas.io.images import image_size
from mmxas.structures import Skeleton
from mmxas.synthesis.appearance.uv_texture import UVTexture
from mmxas.synthesis.appearance.varied_texture import _read_picture
from mmxas.synthesis.cameras import read_camera_file
from mmxas.synthesis.pose_sources import MocapPoses
from mmxas.synthesis.pose_sources.truncated_gaussian import read_prior_file
from mmxas.synthesis.scene import PhotoBackground
from mmxas.synthesis.shards import ARRAYS, PairReader, shard_length, shard_path


def recorded(kind: type, path: Path, **options) -> object:
    """A data set of recorded frames whose npz is ``path``."""
    return kind(ann_file=path.name, data_root=str(path.parent), data_prefix=dict(img='.'), box='annotation',
                skeleton='h36m18', **options)


def shard(path: Path) -> PairReader:
    """A set of one pair whose shard is ``path``, moved to where it belongs."""
    root = path.parent / 'set'
    root.mkdir(exist_ok=True)
    meta = dict(num=1, shard_size=1, seed=0, quality=95, fingerprint='f', generator={})
    (root / 'meta.json').write_text(json.dumps(meta))
    if path.is_file():
        path.rename(shard_path(root, 0))
    return PairReader(root)


def read_shard(path: Path) -> object:
    """The first pair of a set."""
    try:
        return shard(path)[0]
    except Exception as error:
        raise type(error)(str(error).replace('pairs_00000.npz', path.name)) from error


def shard_with_image(data: bytes, path: Path) -> None:
    """Write a shard whose image is these bytes."""
    arrays = {name: np.zeros(1) for name in ARRAYS}
    arrays |= {name: np.frombuffer(data, np.uint8) for name in ('image', 'mask')}
    arrays |= {f'{name}_offset': np.array([0, len(data)]) for name in ('image', 'mask')}
    np.savez(path, **arrays)


ARRAY_DOORS: dict[str, Callable[[Path], object]] = {
    'body model': read_body_model, 'Human3.6M': lambda path: recorded(H36MPoseDataset, path).full_init(),
    'MPI-INF-3DHP': lambda path: recorded(MPIINF3DHPDataset, path).full_init(), 'shard': read_shard,
    'motions': lambda path: MocapPoses(str(path)),
    'part of a conversion': lambda path: read_part(path, lambda name: []),
}


def folder_of(path: Path) -> Path:
    """A folder that holds nothing but the file."""
    folder = path.parent / 'folder'
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_bytes(path.read_bytes())
    return folder


def with_background(path: Path) -> object:
    """Draw a background from the file."""
    return PhotoBackground(str(folder_of(path))).sample(8, np.random.default_rng(0))


def with_texture(path: Path) -> object:
    """Draw a texture from the file."""
    return UVTexture(str(folder_of(path))).sample(SimpleNamespace(uv=np.zeros((3, 2)), uv_faces=np.zeros((1, 3), int)),
                                                  np.random.default_rng(0))


def as_mask(path: Path) -> object:
    """The file as the mask of a good image."""
    return LoadMask().transform({'img': np.zeros((8, 8, 3), np.uint8), 'mask_path': str(path)})


IMAGE_DOORS: dict[str, Callable[[Path], object]] = {
    'image': read_image, 'size': image_size, 'mask': as_mask,
    'transform': lambda path: LoadXASImage().transform({'img_path': str(path)}),
    'folder': lambda path: ImageFolderDataset(str(folder_of(path)), skeleton='h36m18'),
    'inference': lambda path: as_image_inputs(str(path))[0].load(), 'background': with_background,
    'texture': with_texture, 'picture': _read_picture,
}

JSON_DOORS: dict[str, Callable[[Path], object]] = {
    'skeleton': Skeleton.from_file, 'cameras': read_camera_file, 'prior': read_prior_file, 'splits': read_splits,
    'result': read_result, 'keypoints': read_keypoint_definitions,
    'boxes': lambda path: ImageFolderDataset(str(good_images(path.parent)), boxes=str(path), skeleton='h36m18'),
}


def good_images(folder: Path) -> Path:
    """A folder of one good image."""
    images = folder / 'good'
    images.mkdir(exist_ok=True)
    cv2.imwrite(str(images / 'a.png'), np.full((8, 8, 3), 90, np.uint8))
    return images



__all__ = ['ARRAY_DOORS', 'IMAGE_DOORS', 'JSON_DOORS', 'good_images', 'read_shard', 'shard_length', 'shard_with_image']
