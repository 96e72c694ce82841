"""Tiny sets of pairs in the shards' format, without a renderer."""
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope

import mmxas  # noqa: F401
from mmxas.ops.boxes import mask_box
from mmxas.ops.geometry import camera_to_image
from mmxas.structures import load_skeleton
from mmxas.synthesis.shards import PairWriter, SetMeta, SyntheticPair, encode

SIZE = 96


@pytest.fixture(autouse=True, scope='session')
def mmpose_scope():
    """What a Runner does before it builds anything."""
    init_default_scope('mmpose')


def make_pair(index: int, clip: str = 'walk', empty: bool = False) -> SyntheticPair:
    """A random pose that projects into its image; the mask is drawn around its links."""
    rng = np.random.default_rng(index)
    skeleton = load_skeleton('h36m18')
    points = rng.uniform([-500, -700, 3700], [500, 700, 4300], size=(18, 3)).astype(np.float32)
    K = np.array([[150.0, 0, 47.0], [0, 152.0, 48.5], [0, 0, 1]], dtype=np.float32)
    pixels = camera_to_image(points.astype(np.float64), K.astype(np.float64))[:, :2]
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for a, b in () if empty else skeleton.links:
        cv2.line(mask, pixels[a].round().astype(int).tolist(), pixels[b].round().astype(int).tolist(), 255, 3)
    field = rng.integers(0, 256, size=(6, 6, 3), dtype=np.uint8)
    image = cv2.resize(field, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    bbox = np.zeros(4, np.float32) if empty else mask_box(mask)
    return SyntheticPair(image=image, mask=mask, keypoints_cam=points, K=K, bbox=bbox, clip=clip, frame=index,
                         yaw=0.0, body=0, pose=np.zeros((24, 3), np.float32), betas=np.zeros(10, np.float32))


def write_pairs(root: Path, pairs: list[SyntheticPair], shard_size: int = 4) -> Path:
    """Write pairs as the renderer does."""
    meta = SetMeta(num=len(pairs), shard_size=shard_size, seed=0, quality=95, fingerprint='test', generator={})
    writer = PairWriter(root, meta)
    for shard in writer.missing():
        writer.write(shard, [encode(pairs[i], meta.quality) for i in meta.shard_indices(shard)])
    return root


@pytest.fixture(scope='session')
def pairs():
    """The functions that make and write pairs: ``pairs.make(index, clip, empty)``, ``pairs.write(root, pairs)``."""
    return SimpleNamespace(make=make_pair, write=write_pairs, size=SIZE)


@pytest.fixture(scope='session')
def pair_root(tmp_path_factory) -> Path:
    """Ten pairs of two clips."""
    pairs = [make_pair(i, 'walk' if i % 2 else 'jump') for i in range(10)]
    return write_pairs(tmp_path_factory.mktemp('pairs') / 'set', pairs)
