"""Human3.6M: the archive, and the layout of integral human pose regression.

Layouts:

* The archive (vision.imar.ro/human3.6m; names, keys and shapes as github.com/anibali/h36m-fetch, mmpose 1.3.2's
  ``preprocess_h36m.py`` and mmhuman3d's converter read them): ``S1/Videos/Directions 1.54138969.mp4`` of 1000 x 1002 or
  1000 x 1000 px at 50 Hz, and ``_ALL`` among them; CDF files with a variable ``Pose`` (1, n, 64 or 96), poses of 32
  joints in px with the lens' distortion, and in mm in the camera's or the world's frame; a video may end before its
  poses.
* ``MySegmentsMat/ground_truth_bs/Directions 1.54138969.mat``: an HDF5 file (MATLAB 7.3) with a cell ``Masks`` of (n, 1)
  references, each a transposed image of 0 and 1.
* ``metadata.xml`` of the code release: a table of action, subaction and 11 subjects whose first 32 rows are 16 actions,
  two takes each, the first action ``_ALL``; more rows of other captures behind; ``dbcameras/index2id``; ``w0``, 264
  extrinsic and 36 intrinsic numbers. Subject 1 has TakingPhoto and WalkingDog.
* ``annot/s_01_act_02_subact_01_ca_01/matlab_meta.txt`` (github.com/mks0601/Integral-Human-Pose-Regression-for-3D-Human-
  Pose-Estimation), as the paper's released code reads it.

Contents: a random walk for each recording; four invented cameras.
"""
from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
from cdflib.cdfwrite import CDF
from scipy.spatial.transform import Rotation

from .people import Camera, Motion, draw, look_at, random_walk, write_video

SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11')
CAMERAS = ('54138969', '55011271', '58860488', '60457274')
SIZES = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))
ACTIONS = ('Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning', 'Posing', 'Purchases', 'Sitting', 'SittingDown',
           'Smoking', 'Photo', 'Waiting', 'Walking', 'WalkDog', 'WalkTogether')
OF_S1 = {'Photo': 'TakingPhoto', 'WalkDog': 'WalkingDog'}
# Every action of one subject, which is tested; of the others the first, and those with names of their own.
WHOLE = 'S9'
RADIAL, TANGENTIAL = np.array([-0.2, 0.24, -0.003]), np.array([-0.0014, -0.001])
# Where the 17 keypoints stand among the archive's 32 joints; each of the others is the same point as another.
JOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
SHORT = ('S1', 'Directions 1')  # its videos lack the last frame of its poses


def recordings(subject: str) -> list[str]:
    """Names of a subject's recordings: the first take has a number with some subjects, and none with others."""
    names = ACTIONS if subject == WHOLE else ['Directions', *OF_S1.values()] if subject == 'S1' else ['Directions']
    return [f'{name} 1' if subject in ('S1', 'S8') else name for name in names]


def frames(subject: str, recording: str) -> int:
    """How many a recording has: two at every fifth of the first of two subjects, one of the others."""
    return 6 if subject in ('S1', WHOLE) and recording.startswith('Directions') else 2


def camera(subject: str, number: int) -> Camera:
    """Camera 0 to 3 in the rig of a subject."""
    angle = np.pi / 4 + number * np.pi / 2 + 0.02 * int(subject[1:])
    place = np.array([4700 * np.cos(angle), 4700 * np.sin(angle), 1500 + 20 * number])
    return look_at(place, np.array([0, 0, 900.0]), 1145.0 + number, SIZES[number])


def motion(subject: str, recording: str) -> Motion:
    """What somebody does in a recording."""
    return random_walk(frames(subject, recording), 1000 * int(subject[1:]) + recordings(subject).index(recording))


def joints(keypoints: np.ndarray) -> np.ndarray:
    """The 17 keypoints (n, 18, 3) as the archive's (n, 32, 3)."""
    nearest = [max(k for k, joint in enumerate(JOINTS) if joint <= place) for place in range(32)]
    return keypoints[:, nearest]


def distorted(seen: Camera, world: np.ndarray) -> np.ndarray:
    """World (..., 3) to px (..., 2) through the lens."""
    points = seen.points(world)
    flat = points[..., :2] / points[..., 2:]
    square = (flat ** 2).sum(-1, keepdims=True)
    radial = 1 + square * RADIAL[0] + square ** 2 * RADIAL[1] + square ** 3 * RADIAL[2]
    tangential = (flat * TANGENTIAL[::-1]).sum(-1, keepdims=True)
    flat = flat * (radial + 2 * tangential) + square * TANGENTIAL[::-1]
    return flat * [seen.K[0, 0], seen.K[1, 1]] + seen.K[:2, 2]


def write_archive(root: Path) -> Path:
    """Write the archive."""
    root.mkdir(parents=True)
    (root / 'metadata.xml').write_text(metadata(), encoding='utf-8')
    for subject in SUBJECTS:
        for recording in recordings(subject):
            moved, features = motion(subject, recording), root / subject / 'MyPoseFeatures'
            world = joints(moved.keypoints)
            _write_cdf(features / 'D3_Positions' / f'{recording}.cdf', world)
            for number, name in enumerate(CAMERAS):
                seen, base = camera(subject, number), f'{recording}.{name}'
                _write_cdf(features / 'D2_Positions' / f'{base}.cdf', distorted(seen, world))
                _write_cdf(features / 'D3_Positions_mono' / f'{base}.cdf', seen.points(world))
                drawn = [draw(seen.pixels(vertices), seen.size, number) for vertices in moved.vertices]
                num = len(drawn) - ((subject, recording) == SHORT)
                write_video(root / subject / 'Videos' / f'{base}.mp4', [image for image, _ in drawn[:num]], 'mp4v', 50)
                _write_masks(root / subject / 'MySegmentsMat/ground_truth_bs' / f'{base}.mat',
                             [mask for _, mask in drawn])
        (root / subject / 'Videos' / '_ALL 1.54138969.mp4').write_bytes(b'read by nothing')
    return root


def metadata() -> str:
    """``metadata.xml``."""
    subjects = [f'S{number}' for number in range(1, 12)]
    rows = [['action', 'subaction', *subjects]] + [['1', str(take), *[f'_ALL {take}'] * 11] for take in (1, 2)]
    for number, action in enumerate(ACTIONS):
        found = [recordings(subject) if subject in SUBJECTS else [] for subject in subjects]
        named = [[name for name in names if name.split()[0] in (action, OF_S1.get(action))] for names in found]
        rows.append([str(number + 2), '1', *[names[0] if names else '' for names in named]])
        rows.append([str(number + 2), '2', *[''] * 11])
    rows += [['17', '1', *['Calibration'] * 11]]
    extrinsic = []
    for number in range(4):
        for subject in subjects:
            seen = camera(subject, number)
            extrinsic += [*Rotation.from_matrix(seen.R).as_euler('XYZ'), *(-seen.R.T @ seen.t)]
    intrinsic = []
    for number in range(4):
        K = camera('S1', number).K
        intrinsic += [K[0, 0], K[1, 1], K[0, 2], K[1, 2], *RADIAL, *TANGENTIAL]
    table = ''.join('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>\n' for row in rows)
    actions = ''.join(f'<name>{name}</name>' for name in ('_ALL', *ACTIONS))
    cameras = ''.join(f'<id>{name}</id>' for name in CAMERAS)
    numbers = ' '.join(repr(float(value)) for value in [*extrinsic, *intrinsic])
    return (f'<?xml version="1.0"?>\n<metadata>\n<mapping>\n{table}</mapping>\n'
            f'<actionnames>{actions}</actionnames>\n<dbcameras><index2id>{cameras}</index2id></dbcameras>\n<w0>[{numbers}]</w0>\n</metadata>\n')


def write_matlab_layout(root: Path, masks: Path) -> Path:
    """Write the authors' layout: two frames by two cameras of S9's and S11's Directions, with masks elsewhere."""
    for subject in ('S9', 'S11'):
        moved = motion(subject, recordings(subject)[0])
        for number in (0, 1):
            name = f's_{int(subject[1:]):02d}_act_02_subact_01_ca_{number + 1:02d}'
            seen = camera(subject, number)
            lines = [str(2), f'imgsize {seen.size[0]} {seen.size[1]}',
                     'R ' + ' '.join(map(repr, seen.R.T.ravel().tolist())),
                     'T ' + ' '.join(map(repr, (-seen.R.T @ seen.t).tolist())),
                     f'f {seen.K[0, 0]} {seen.K[1, 1]}', f'c {seen.K[0, 2]} {seen.K[1, 2]}',
                     'k ' + ' '.join(map(str, RADIAL)), 'p ' + ' '.join(map(str, TANGENTIAL)),
                     'joints ' + ' '.join(str(joint + 1) for joint in JOINTS)]
            lines += [f'{i + 1} ' + ' '.join(map(repr, pose.ravel().tolist()))
                      for i, pose in enumerate(joints(moved.keypoints)[:2])]
            _text(root / 'annot' / name / 'matlab_meta.txt', '\n'.join(lines) + '\n')
            for i in range(2):
                image, mask = draw(seen.pixels(moved.vertices[i]), seen.size, number)
                for folder, ending, picture in ((root / 'images', 'jpg', image), (masks, 'png', mask)):
                    (folder / name).mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(folder / name / f'{name}_{i + 1:06d}.{ending}'), picture)
    return root


def write_masks_beside(root: Path) -> None:
    """Masks of the converted images that have none, as somebody's segmenter would write them."""
    for image in sorted((root / 'images').rglob('*.jpg')):
        subject, recording, name = image.parent.name.partition('_')[0], *_recording(image.parent.name)
        frame, seen = int(image.stem[-6:]) - 1, camera(subject, CAMERAS.index(name))
        _, mask = draw(seen.pixels(motion(subject, recording).vertices[frame]), seen.size)
        path = (root / 'masks' / image.relative_to(root / 'images')).with_suffix('.png')
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), mask)


def _recording(folder: str) -> tuple[str, str]:
    """``S1_Directions_1.54138969`` to ``Directions 1`` and the camera."""
    recording, _, name = folder.partition('_')[2].rpartition('.')
    return recording.replace('_', ' '), name


def _write_cdf(path: Path, pose: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file, values = CDF(str(path)), pose.reshape(1, len(pose), -1)
    file.write_var({'Variable': 'Pose', 'Data_Type': 21, 'Num_Elements': 1, 'Rec_Vary': True,
                    'Dim_Sizes': list(values.shape[1:])}, var_data=values.astype(np.float32))
    file.close()


def _write_masks(path: Path, masks: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w', userblock_size=512) as file:
        references = np.empty((len(masks), 1), dtype=h5py.ref_dtype)
        for i, mask in enumerate(masks):
            references[i, 0] = file.create_dataset(f'#refs#/{i}', data=(mask.T > 0).astype(np.uint8),
                                                   compression='gzip').ref
        file.create_dataset('Masks', data=references, dtype=h5py.ref_dtype)


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
