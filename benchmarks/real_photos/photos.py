"""The labelled photos in the folder ``MMXAS_DATA_DIR``; they are not used for training."""
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmxas.datasets.datasets import H36MPoseDataset, MPIINF3DHPDataset
from mmxas.io import read_json, read_mask
from mmxas.ops.boxes import mask_box
from mmxas.structures import load_skeleton
from projects.animal.animal import StanfordExtraDataset

# The 12 limb joints that all data sets of people share, in the order of Leeds Sports Pose.
LIMBS = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist', 'right_elbow',
         'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist')
H36M = load_skeleton('h36m18').keypoints
IN_H36M = [H36M.index(name) for name in LIMBS]
DOG = load_skeleton('projects/animal/data/dog26.json').keypoints
# BADJA's joints, the indices of SMAL's and four vertices: its `upper` and `lower` legs are the front and rear ones.
BADJA = {8: 'right_front_elbow', 9: 'right_front_wrist', 10: 'right_front_paw', 12: 'left_front_elbow',
         13: 'left_front_wrist', 14: 'left_front_paw', 18: 'right_rear_knee', 19: 'right_rear_hock',
         20: 'right_rear_paw', 22: 'left_rear_knee', 23: 'left_rear_hock', 24: 'left_rear_paw', 25: 'tail_start',
         31: 'tail_end', 33: 'nose', 35: 'right_ear_tip', 36: 'left_ear_tip'}
BADJA_HEIGHT = 1080  # of the images that BADJA labelled, px
# Files that each part reads in the data folder.
NEEDS = {
    'lspet': ('photos/lspet/dev.json', 'photos/lspet/dev'),
    'frames': ('h36m/test_h36m_body3d.npz', 'h36m/cameras.pkl', 'h36m/S1', 'mpi_inf_3dhp/test_3dhp_train.npz',
               'mpi_inf_3dhp/cameras_train.pkl'),
    'pose2sim': ('photos/pose2sim/labels.json', ),
    'dogs': ('stanford_extra/StanfordExtra_sample.json', 'stanford_extra/Images', 'photos/davis/dog/badja_dog.json',
             'photos/davis/dog/images', 'photos/davis/dog/masks'),
    'masks': ('photos/ccp/dev/images', 'photos/ccp/dev/masks', 'stanford_extra/StanfordExtra_sample.json',
              'stanford_extra/Images', 'photos/davis/dog/images', 'photos/davis/dog/masks',
              'photos/davis/parkour/images', 'photos/davis/parkour/masks'),
    'renderings': (),
    'dog_renderings': ()}


@dataclass(frozen=True)
class Photo:
    """One photo and its labels. K: joints, the 12 limb joints of people or all keypoints of dogs.

    Attributes:
        group: Its data set.
        image: The file.
        box: (4,) x0, y0, x1, y1 px on pixel edges.
        joints: (K, 2) px, or None.
        visible: (K,) bool of the joints of dogs, None for people, whose joints all count.
        pose: (12, 3) limbs in the camera frame, mm, or None.
        skeleton: (18, 3) all keypoints in the camera frame, mm, or None.
        K: (3, 3) intrinsics in px, or None.
        root_depth: Depth of the root, mm, or None.
        mask: (h, w) bool, or None.
    """

    group: str
    image: Path
    box: np.ndarray
    joints: np.ndarray | None = None
    visible: np.ndarray | None = None
    pose: np.ndarray | None = None
    skeleton: np.ndarray | None = None
    K: np.ndarray | None = None
    root_depth: float | None = None
    mask: np.ndarray | None = None


def data_root(parts: Sequence[str]) -> Path | None:
    """Return the data folder, or None if no part needs it.

    Args:
        parts: Names in ``NEEDS`` to read.

    Raises:
        FileNotFoundError: The variable or a file of a part is missing; the message is one line.
    """
    if not any(NEEDS[part] for part in parts):
        return None
    name = os.environ.get('MMXAS_DATA_DIR')
    if not name:
        raise FileNotFoundError('MMXAS_DATA_DIR is not set: name the folder of photos that docs/real_photos.md lists')
    missing = dict.fromkeys(file for part in parts for file in NEEDS[part] if not (Path(name) / file).exists())
    if missing:
        raise FileNotFoundError(f'MMXAS_DATA_DIR={name}: no {", ".join(missing)}; docs/real_photos.md lists what is '
                                'read, and --only leaves parts out')
    return Path(name)


def extent_box(points: np.ndarray, margin: float, top: float | None = None) -> np.ndarray:
    """Return the bounding box of points, enlarged by fractions of its larger side.

    Args:
        points: (K, 2) px.
        margin: Fraction on each side.
        top: Fraction at the top. Defaults to None: ``margin``.

    Returns:
        (4,) x0, y0, x1, y1 px.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = (high - low).max()
    return np.concatenate([low - side * np.array([margin, margin if top is None else top]), high + side * margin])


def lspet(root: Path) -> Iterator[Photo]:
    """Yield people of Leeds Sports Pose extended in the annotated boxes, in all orientations."""
    content = read_json(root / 'photos/lspet/dev.json')
    names = {image['id']: image['file_name'] for image in content['images']}
    for entry in content['annotations']:
        x, y, width, height = entry['bbox']
        joints = np.array(entry['keypoints'], dtype=np.float64).reshape(-1, 3)[:len(LIMBS), :2]
        yield Photo('lspet/dev', root / 'photos/lspet/dev' / names[entry['image_id']],
                    np.array([x, y, x + width, y + height]), joints)


def frames(root: Path) -> Iterator[Photo]:
    """Yield the labelled frames of Human3.6M and MPI-INF-3DHP that have images."""
    options = dict(box='annotation', with_labels=True, on_error='skip')
    sets = {'Human3.6M': H36MPoseDataset('test_h36m_body3d.npz', data_root=str(root / 'h36m'), **options,
                                         skeleton='h36m18'),
            'MPI-INF-3DHP': MPIINF3DHPDataset('test_3dhp_train.npz', camera_file='cameras_train.pkl',
                                              data_root=str(root / 'mpi_inf_3dhp'), drop_occluded=None, **options,
                                              skeleton='h36m18')}
    for group, dataset in sets.items():
        for info in map(dataset.get_data_info, range(len(dataset))):
            points, pose = info['keypoints'][0], info['keypoints_cam'][0]
            yield Photo(group, Path(info['img_path']), extent_box(points, 0.08), points[IN_H36M], pose=pose[IN_H36M],
                        skeleton=pose, K=np.asarray(info['camera']['K']), root_depth=float(info['root_depth']))


def pose2sim(root: Path) -> Iterator[Photo]:
    """Yield a walking man from two cameras. The box is extended upwards for the unlabelled head."""
    content = read_json(root / 'photos/pose2sim/labels.json')
    order = [content['names'].index(name) for name in LIMBS]
    hips = [LIMBS.index('right_hip'), LIMBS.index('left_hip')]
    for frame in content['frames']:
        points, pose = (np.array(frame[key])[order] for key in ('keypoints_px', 'keypoints_cam'))
        yield Photo('pose2sim', root / 'photos/pose2sim' / frame['file'], extent_box(points, 0.12, 0.18), points,
                    pose=pose, K=np.array(frame['K']), root_depth=float(pose[hips, 2].mean()))


def masked(root: Path, folder: str) -> Iterator[Photo]:
    """Yield the images of a folder with true masks, in the masks' boxes; images with an empty mask are left out."""
    for path in sorted((root / 'photos' / folder / 'masks').glob('*.png')):
        mask = read_mask(path)
        if mask.any():
            yield Photo(folder, root / 'photos' / folder / 'images' / f'{path.stem}.jpg', mask_box(mask), mask=mask)


def stanford_extra(root: Path) -> Iterator[Photo]:
    """Yield the dogs of StanfordExtra, in the boxes of their masks."""
    dataset = StanfordExtraDataset(data_root=str(root / 'stanford_extra'), with_labels=True)
    for info in map(dataset.get_data_info, range(len(dataset))):
        yield Photo('stanford_extra', Path(info['img_path']), info['bbox'][0], info['keypoints'][0],
                    info['keypoints_visible'][0] > 0, mask=info['mask'] > 0)


def badja(root: Path) -> Iterator[Photo]:
    """Yield the frames of DAVIS's dog that BADJA labels, in the boxes of their masks."""
    labels = {Path(entry['image_path']).stem: entry for entry in read_json(root / 'photos/davis/dog/badja_dog.json')}
    for photo in masked(root, 'davis/dog'):
        if photo.image.stem in labels:
            joints, visible = badja_joints(labels[photo.image.stem], len(photo.mask))
            yield Photo('davis/dog', photo.image, photo.box, joints, visible, mask=photo.mask)


def badja_joints(entry: dict, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the joints of one of BADJA's entries, scaled to an image's height.

    Args:
        entry: ``joints``, (y, x) px of an image 1080 px high, and ``visibility``, both on SMAL's indices.
        height: Height of the image, px.

    Returns:
        (K, 2) x, y px and (K,) bool of the dog's keypoints.
    """
    joints, visible = np.zeros((len(DOG), 2)), np.zeros(len(DOG), dtype=bool)
    for index, name in BADJA.items():
        place = DOG.index(name)
        joints[place] = np.array(entry['joints'][index])[::-1] * height / BADJA_HEIGHT
        visible[place] = entry['visibility'][index]
    return joints, visible
