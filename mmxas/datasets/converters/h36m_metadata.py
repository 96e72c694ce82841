"""Read ``metadata.xml`` of Human3.6M's code release: names of the recordings, and all cameras."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmxas.synthesis.cameras import rotation

SUBJECTS, CAMERAS, ALL_ACTIONS = 11, 4, '1'  # action 1, `_ALL`, is not a recording
ROWS = 32  # 16 actions with two takes each; further rows are other captures
EXTRINSICS, INTRINSICS = 6, 9
WIDTH = 1000
HEIGHT = {'54138969': 1002, '55011271': 1000, '58860488': 1000, '60457274': 1002}


@dataclass(frozen=True)
class H36MMetadata:
    """Content of the file.

    Attributes:
        recordings: ``{subject: names of its recordings}``, such as ``'S1'`` and ``'Directions 1'``.
        camera_ids: Names of the four cameras, in the order of their numbers.
        numbers: All camera parameters in one row: 6 extrinsic ones per camera and subject, then 9 intrinsic ones per
            camera.
    """

    recordings: dict[str, tuple[str, ...]]
    camera_ids: tuple[str, ...]
    numbers: np.ndarray


def read_metadata(path: str | Path) -> H36MMetadata:
    """Read the file.

    Args:
        path: ``metadata.xml``.

    Raises:
        FileNotFoundError: The file does not exist; the message says where to get it.
        ValueError: The file is not XML, or not the one of Human3.6M.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such camera file; metadata.xml comes with the code of Human3.6M (the '
                                '"Release" archive on its web page), put it there or pass it as --metadata')
    try:
        root = ElementTree.parse(path).getroot()
        header, *rows = [[cell.text for cell in row] for row in root.find('mapping')]
        camera_ids = tuple(item.text for item in root.find('dbcameras/index2id'))
        numbers = np.array(root.find('w0').text.strip().strip('[]').split(), dtype=np.float64)
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f'{path}: not the metadata.xml of Human3.6M ({error}); expected the elements mapping, '
                         'dbcameras/index2id and w0') from error
    wanted = CAMERAS * (SUBJECTS * EXTRINSICS + INTRINSICS)
    if len(numbers) != wanted or len(camera_ids) != CAMERAS:
        raise ValueError(f'{path}: {len(camera_ids)} cameras with {len(numbers)} parameters, expected {CAMERAS} with '
                         f'{wanted}')
    recordings = {}
    for column, subject in enumerate(header[2:], start=2):
        names = [row[column] for row in rows[:ROWS] if len(row) > column and row[0] not in (None, ALL_ACTIONS)]
        recordings[subject] = tuple(name for name in names if name and name.strip())
    return H36MMetadata(recordings, camera_ids, numbers)


def camera_parameters(metadata: H36MMetadata, subject: int, camera: int) -> dict:
    """Return one camera in the format of mmpose's ``cameras.pkl``.

    Args:
        metadata: Result of :func:`read_metadata`.
        subject: 1 to 11.
        camera: 0 to 3.

    Returns:
        ``R`` (3, 3), camera to world; ``T`` (3, 1), the camera's position in the world, m; ``f``, ``c`` (2, 1)
        px; radial ``k`` (3, 1) and tangential ``p`` (2, 1) distortion; ``w``, ``h`` px; ``name``, ``id``.
    """
    start = EXTRINSICS * (camera * SUBJECTS + subject - 1)
    angles, place = np.split(metadata.numbers[start:start + EXTRINSICS], 2)
    start = EXTRINSICS * CAMERAS * SUBJECTS + INTRINSICS * camera
    focal, centre, radial, tangential = np.split(metadata.numbers[start:start + INTRINSICS], [2, 4, 7])
    to_camera = rotation(0, angles[0]) @ rotation(1, angles[1]) @ rotation(2, angles[2])
    name = metadata.camera_ids[camera]
    columns = {'T': place / 1000.0, 'c': centre, 'f': focal, 'k': radial, 'p': tangential}
    return {'R': to_camera.T, **{key: value[:, None].copy() for key, value in columns.items()},
            'w': WIDTH, 'h': HEIGHT.get(name, WIDTH), 'name': f'camera{camera + 1}', 'id': name}


def all_cameras(metadata: H36MMetadata) -> dict[tuple[str, str], dict]:
    """Return all cameras in the format of ``cameras.pkl``: ``{(subject, camera): parameters}``."""
    return {(f'S{subject}', name): camera_parameters(metadata, subject, number)
            for subject in range(1, SUBJECTS + 1) for number, name in enumerate(metadata.camera_ids)}
