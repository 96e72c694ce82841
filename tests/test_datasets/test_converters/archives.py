"""Archives of a few frames in their true layout, written for the tests of the converters."""
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

FRAMES, SIZE = 6, 64
ANGLES = np.array([-1.7, 0.4, 2.5])
CAMERAS = ('54138969', '55011271', '58860488', '60457274')
INTRINSICS = np.array([40.0, 41.0, 31.0, 32.0, -0.2, 0.25, -0.003, -0.001, -0.0009])


def rotation(angles: np.ndarray = ANGLES) -> np.ndarray:
    """World to camera (3, 3): rotations about x, y and z, in turn."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    return (np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
            @ np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]))


# 5 m from the poses.
PLACE = np.round(np.array([0, 0, 850]) - rotation().T @ np.array([0, 0, 5000]), 2)


def write_video(path: Path, images: list[np.ndarray], codec: str = 'MJPG') -> None:
    """A video of images (h, w, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, (width, height))
    for image in images:
        writer.write(image)
    writer.release()


def cut_video(path: Path, images: list[np.ndarray]) -> None:
    """A MJPG video whose header announces all images and whose data end half way."""
    write_video(path, images)
    content = path.read_bytes()
    path.write_bytes(content[:content.index(b'movi') + (len(content) - content.index(b'movi')) // 2])


def grey_frames(num: int = FRAMES, size: int = SIZE) -> list[np.ndarray]:
    """Images of one grey each, 20 brighter with every frame."""
    return [np.full((size, size, 3), 20 * (i + 1), np.uint8) for i in range(num)]


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Each file's time of change and content."""
    return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(root.rglob('*')) if path.is_file()}


def metadata_xml(recordings: dict[str, list[str]]) -> str:
    """``metadata.xml``: the table of recordings, actions, cameras, and the parameters of all cameras."""
    subjects = [f'S{number}' for number in range(1, 12)]
    rows = [['action', 'subaction', *subjects], ['1', '1', *['_ALL 1'] * 11]]
    rows += [['2', str(take + 1), *[recordings.get(subject, ['', ''])[take] for subject in subjects]]
             for take in range(2)]
    table = ''.join('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>' for row in rows)
    numbers = np.concatenate([np.tile(np.concatenate([ANGLES, PLACE]), 44), np.tile(INTRINSICS, 4)])
    cameras = ''.join(f'<name>{name}</name>' for name in CAMERAS)
    return (f'<metadata><mapping>{table}</mapping><actionnames><name>_ALL</name></actionnames><dbcameras><index2id>'
            f'{cameras}</index2id></dbcameras><w0>[{" ".join(map(repr, numbers.tolist()))}]</w0></metadata>')


def write_cdf(path: Path, pose: np.ndarray) -> None:
    """A CDF file with a variable ``Pose`` (1, n, values)."""
    from cdflib.cdfwrite import CDF
    path.parent.mkdir(parents=True, exist_ok=True)
    file = CDF(str(path), delete=path.is_file())
    spec = {'Variable': 'Pose', 'Data_Type': 22, 'Num_Elements': 1, 'Rec_Vary': True, 'Dim_Sizes': list(pose.shape[1:])}
    file.write_var(spec, var_data=pose)
    file.close()


def h36m_poses(num: int = FRAMES) -> np.ndarray:
    """World poses (n, 32, 3) in mm, which all cameras see at about 5 m."""
    return np.random.default_rng(1).uniform([-500, -500, 0], [500, 500, 1700], (num, 32, 3))


def to_camera(points: np.ndarray) -> np.ndarray:
    """The same in the frame of the cameras of :func:`metadata_xml`."""
    return (points - PLACE) @ rotation().T


def write_h36m(root: Path, subjects: tuple[str, ...] = ('S1', 'S9'), takes: int = 1) -> Path:
    """An archive with the action Directions, by four cameras."""
    names = ['Directions 1', 'Directions'][:takes] + [''] * (2 - takes)
    recordings = dict.fromkeys(subjects, names)
    root.mkdir(parents=True, exist_ok=True)
    (root / 'metadata.xml').write_text(metadata_xml(recordings))
    world = h36m_poses()
    points = to_camera(world)
    pixels = points[..., :2] / points[..., 2:] * INTRINSICS[:2] + INTRINSICS[2:4]
    for subject in subjects:
        for name in names[:takes]:
            poses = root / subject / 'MyPoseFeatures'
            write_cdf(poses / 'D3_Positions' / f'{name}.cdf', world.reshape(1, FRAMES, -1))
            for camera in CAMERAS:
                write_cdf(poses / 'D2_Positions' / f'{name}.{camera}.cdf', pixels.reshape(1, FRAMES, -1))
                write_cdf(poses / 'D3_Positions_mono' / f'{name}.{camera}.cdf', points.reshape(1, FRAMES, -1))
                write_video(root / subject / 'Videos' / f'{name}.{camera}.mp4', grey_frames(), 'mp4v')
    return root


def write_hdf5_masks(path: Path, masks: list[np.ndarray | None]) -> Path:
    """Masks (h, w) bool as MATLAB 7.3 saves a cell array of them: references to transposed arrays, None to an empty."""
    import h5py
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w', userblock_size=512) as file:
        cells = file.create_dataset('Masks', (len(masks), 1), dtype=h5py.ref_dtype)
        for index, mask in enumerate(masks):
            values = np.zeros(2, np.uint64) if mask is None else mask.T.astype(np.uint8)
            cells[index, 0] = file.create_dataset(f'#refs#/{index}', data=values).ref
    return path


CALIBRATION = """name          {number}
  sensor      10 10
  size        64 64
  animated    0
  intrinsic   {focal} 0 32 0 0 {focal} 31 0 0 0 1 0 0 0 0 1
  extrinsic   1 0 0 100 0 1 0 200 0 0 1 {depth} 0 0 0 1
  radial      0
"""


def mpi_poses(camera: int, keypoints: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, keypoints, 3) in the frame of a camera, mm, and (n, keypoints, 2) px within 64 px."""
    points = np.random.default_rng(camera).uniform([-600, -600, 3800], [600, 600, 4200], (FRAMES, keypoints, 3))
    focal = 100.0 + camera
    return points, points[..., :2] / points[..., 2:] * focal + np.array([32.0, 31.0])


def write_mpi(root: Path, subjects: tuple[str, ...] = ('S1', 'S7'), cameras: tuple[int, ...] = (0, 4)) -> Path:
    """Training sequences of the archive, by 14 cameras, of which some have videos.

    The chair covers the image's right half in frame 2 (from 0) of camera 4 of S1; the body its upper left quarter.
    """
    for subject in subjects:
        for sequence in ('Seq1', 'Seq2'):
            folder = root / subject / sequence
            folder.mkdir(parents=True)
            annotations = {number: mpi_poses(number) for number in range(14)}
            cells = {key: np.empty((14, 1), object) for key in ('annot2', 'annot3')}
            for number, (points, pixels) in annotations.items():
                cells['annot3'][number, 0], cells['annot2'][number, 0] = (
                    values.reshape(FRAMES, -1) for values in (points, pixels))
            savemat(folder / 'annot.mat', {**cells, 'cameras': np.arange(14)[None]})
            (folder / 'camera.calibration').write_text('Skeletool Camera Calibration File V1.0\n' + ''.join(
                CALIBRATION.format(number=number, focal=100 + number, depth=4000 + number) for number in range(14)))
            for camera in cameras:
                write_video(folder / 'imageSequence' / f'video_{camera}.avi', grey_frames())
                chair = [np.full((SIZE, SIZE, 3), 255, np.uint8) for _ in range(FRAMES)]
                if (subject, camera) == ('S1', 4):
                    chair[2][:, SIZE // 2:] = 0
                write_video(folder / 'ChairMasks' / f'video_{camera}.avi', chair)
                front = np.zeros((SIZE, SIZE, 3), np.uint8)
                front[:SIZE // 2, :SIZE // 2, 2] = 255
                write_video(folder / 'FGmasks' / f'video_{camera}.avi', [front] * FRAMES)
    return root


def write_mpi_test(root: Path) -> Path:
    """Two sequences of the test set, six frames each, frame 1 (from 0) not valid."""
    import h5py
    for subject in ('TS1', 'TS6'):
        folder = root / subject
        (folder / 'imageSequence').mkdir(parents=True)
        points, pixels = mpi_poses(3, 17)
        with h5py.File(folder / 'annot_data.mat', 'w') as file:
            file['annot2'], file['annot3'] = pixels[:, None], points[:, None]
            file['valid_frame'] = np.array([1, 0, 1, 1, 1, 1], float)[:, None]
            file['activity_annotation'] = np.array([1, 1, 2, 3, 7, 7], float)[:, None]
        for i, image in enumerate(grey_frames()):
            cv2.imwrite(str(folder / 'imageSequence' / f'img_{i + 1:06d}.jpg'), image)
    return root
