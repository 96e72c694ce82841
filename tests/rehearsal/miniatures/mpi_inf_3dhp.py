"""MPI-INF-3DHP.

Layout (vcai.mpi-inf.mpg.de/3dhp-dataset; as mmpose 1.3.2's ``preprocess_mpi_inf_3dhp.py`` and the loaders of HMR and
SPIN read it): ``S1/Seq1/annot.mat`` with the cells ``annot2`` (n, 56), ``annot3`` and ``univ_annot3`` (n, 84) by 14
cameras, ``cameras`` and ``frames``; ``camera.calibration``, lines of seven a camera, of which those of the matrices end
in a blank and that of the size does not; ``imageSequence``, ``FGmasks`` and ``ChairMasks`` with ``video_0.avi`` of
2048 x 2048 px. Test set: ``TS1/annot_data.mat``, an HDF5 file with ``annot2`` (n, 1, 17, 2), ``annot3`` (n, 1, 17, 3),
``univ_annot3``, ``bb_crop`` (n, 34), ``valid_frame`` and ``activity_annotation`` (n, 1), and ``imageSequence/
img_000001.jpg`` of 2048 x 2048 px, 1920 x 1080 px outdoors.

Contents: a random walk for each sequence; eight invented cameras in a circle, and six more above them.
"""
from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import cv2
import h5py
import numpy as np
from scipy.io import savemat

from .people import Camera, Motion, draw, look_at, random_walk, write_video

SIZE = (2048, 2048)
CAMERAS, FILMED = 14, (0, 2, 4, 7, 8)
TEST_SIZES = {f'TS{number}': SIZE if number < 5 else (1920, 1080) for number in range(1, 7)}
# Which of the 18 keypoints stands at each of the 28 and of the 17 places; those beside are near.
FROM_28 = (7, 17, 7, 7, 0, 8, 9, 10, 11, 11, 12, 13, 13, 14, 14, 15, 16, 16, 4, 5, 6, 6, 6, 1, 2, 3, 3, 3)
FROM_17 = (10, 8, 14, 15, 16, 11, 12, 13, 1, 2, 3, 4, 5, 6, 0, 7, 9)


def frames(subject: str) -> int:
    """How many a sequence has: two at every fifth of two subjects, one of the others; two in the test set."""
    return 6 if subject in ('S1', 'S7') else 2 if subject in TEST_SIZES else 1


def camera(number: int) -> Camera:
    """Camera 0 to 13; the first eight and 8 at chest height."""
    angle = 2 * np.pi * number / 9
    place = np.array([3900 * np.cos(angle), 3900 * np.sin(angle), 1300.0 if number < 9 else 3000.0])
    return look_at(place, np.array([0, 0, 900.0]), 1497.0 + number, SIZE)


@cache
def motion(subject: str, sequence: int) -> Motion:
    """What somebody does in a sequence."""
    return random_walk(frames(subject), 77 * int(subject.lstrip('TS')) + sequence)


def write_archive(root: Path, cameras: tuple[int, ...] = FILMED) -> Path:
    """Write the training set, filmed by some of the cameras, and the test set."""
    for number in range(1, 9):
        for sequence in (1, 2):
            _write_sequence(root / f'S{number}' / f'Seq{sequence}', motion(f'S{number}', sequence), cameras)
    for subject, size in TEST_SIZES.items():
        _write_test(root / subject, motion(subject, 0), size)
    return root


def calibration() -> str:
    """``camera.calibration``."""
    lines = ['Skeletool Camera Calibration File V1.0']
    for number in range(CAMERAS):
        seen, K, Rt = camera(number), np.eye(4), np.eye(4)
        K[:3, :3], Rt[:3, :3], Rt[:3, 3] = seen.K, seen.R, seen.t
        lines += [f'name          {number}', '  sensor      10 10', f'  size        {SIZE[0]} {SIZE[1]}',
                  '  animated    0', '  intrinsic   ' + ''.join(f'{value:.9g} ' for value in K.ravel()),
                  '  extrinsic   ' + ''.join(f'{value:.9g} ' for value in Rt.ravel()), '  radial      0 0 0 ']
    return '\n'.join(lines) + '\n'


def _write_sequence(folder: Path, moved: Motion, cameras: tuple[int, ...]) -> None:
    folder.mkdir(parents=True)
    (folder / 'camera.calibration').write_text(calibration(), encoding='utf-8')
    num, world = len(moved.keypoints), moved.keypoints[:, FROM_28]
    cells = {key: np.empty((CAMERAS, 1), object) for key in ('annot2', 'annot3', 'univ_annot3')}
    for number in range(CAMERAS):
        seen = camera(number)
        cells['annot2'][number, 0] = seen.pixels(world).reshape(num, -1)
        cells['annot3'][number, 0] = seen.points(world).reshape(num, -1)
        cells['univ_annot3'][number, 0] = 1.1 * seen.points(world).reshape(num, -1)
    savemat(folder / 'annot.mat', {**cells, 'cameras': np.arange(CAMERAS, dtype=np.uint8)[None],
                                   'frames': np.arange(num, dtype=np.uint16)[:, None]})
    for number in cameras:
        drawn = [draw(camera(number).pixels(vertices), SIZE, number) for vertices in moved.vertices]
        front = [np.repeat(mask[..., None], 3, axis=2) for _, mask in drawn]
        name = f'video_{number}.avi'
        write_video(folder / 'imageSequence' / name, [image for image, _ in drawn], 'XVID')
        write_video(folder / 'FGmasks' / name, front, 'XVID')
        chairs = folder.parents[1] / f'no_chair_{num}.avi'  # one content, many names
        if not chairs.is_file():
            write_video(chairs, [np.full((*SIZE, 3), 255, np.uint8)] * num, 'XVID')
        (folder / 'ChairMasks').mkdir(exist_ok=True)
        os.link(chairs, folder / 'ChairMasks' / name)


def _write_test(folder: Path, moved: Motion, size: tuple[int, int]) -> None:
    (folder / 'imageSequence').mkdir(parents=True)
    seen = look_at(np.array([3500.0, 500, 1200]), np.array([0, 0, 900.0]), 0.7 * size[1], size)
    world, num = moved.keypoints[:, FROM_17], len(moved.keypoints)
    with h5py.File(folder / 'annot_data.mat', 'w', userblock_size=512) as file:
        file['annot2'], file['annot3'] = seen.pixels(world)[:, None], seen.points(world)[:, None]
        file['univ_annot3'], file['bb_crop'] = 1.1 * seen.points(world)[:, None], np.zeros((num, 34))
        file['valid_frame'] = np.array([[1.0]] * (num - 1) + [[0.0]])
        file['activity_annotation'] = np.arange(1.0, num + 1)[:, None]
    for i, vertices in enumerate(moved.vertices):
        cv2.imwrite(str(folder / 'imageSequence' / f'img_{i + 1:06d}.jpg'), draw(seen.pixels(vertices), size)[0])
