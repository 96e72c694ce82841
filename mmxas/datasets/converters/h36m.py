"""Convert the archive of Human3.6M, CDF files of poses and videos, to mmpose's layout.

n: frames; K = 17 of the archive's 32 keypoints.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from mmxas.ops.geometry import world_to_camera

from .frames import UnreadableFileError, read_frames, replace_arrays, write_image, write_pickle
from .h36m_masks import open_masks
from .h36m_metadata import H36MMetadata, all_cameras, read_metadata
from .sequences import Arrays, Recording, convert_sequences, frame_arrays

TRAIN, TEST = ('S1', 'S5', 'S6', 'S7', 'S8'), ('S9', 'S11')
ARCHIVE_KEYPOINTS = 32
KEYPOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
FPS = 50
CDF_FOLDERS = ('MyPoseFeatures/{}', 'Poses_{}')  # as unpacked from the archive; as named by h36m-fetch


def convert(archive: str | Path, out: str | Path, metadata: str | Path | None = None, step: int = 5,
            subjects: Sequence[str] = TRAIN + TEST, on_error: str = 'raise', masks: bool = False) -> dict[str, int]:
    """Convert the unpacked archive to mmpose's layout. Existing files are kept: a second run changes nothing.

    Subjects that earlier runs converted with the same step stay in the annotations.

    Args:
        archive: Folder with ``S1/Videos/*.mp4``, ``S1/MyPoseFeatures/D2_Positions/*.cdf`` and ``D3_Positions_mono``
            (camera frame) or ``D3_Positions`` (world frame) beside it.
        out: Folder that ``images`` and ``annotation_body3d`` are written to.
        metadata: ``metadata.xml``. Defaults to None: the one in ``archive``.
        step: Take every n-th frame of 50 per second, 1 to 50. Defaults to 5.
        subjects: Subjects to convert. Defaults to the seven that have poses.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out recordings with a file that is missing or
            broken. Defaults to ``'raise'``.
        masks: Write ``masks`` beside ``images``, from the archive's background masks
            (:func:`~.h36m_masks.open_masks`). Defaults to False.

    Returns:
        Number of frames in the annotation files of ``'train'`` and ``'test'``, for the splits that were
        converted.

    Raises:
        FileNotFoundError: metadata.xml, a CDF file or a file of masks is missing; the message names it.
        UnreadableFileError: A video is missing or truncated, or a CDF file or a file of masks is broken; the message
            names it.
        ImportError: cdflib is not installed, or h5py for masks.
        ValueError: A subject is unknown, the step is not in 1 to 50, poses have the wrong number of keypoints or
            frames, or an existing npz file has frames that would be lost.
    """
    import_cdflib()
    archive, out = Path(archive), Path(out)
    unknown = sorted(set(subjects) - set(TRAIN + TEST))
    if unknown or not subjects:
        raise ValueError(f'subjects {unknown or "none"}: expected some of {TRAIN + TEST}')
    if step not in range(1, FPS + 1):
        raise ValueError(f'step={step!r}, expected a whole number from 1 to {FPS}, the frames per second')
    content = read_metadata(metadata or archive / 'metadata.xml')
    cameras = all_cameras(content)
    folder = out / 'annotation_body3d'
    write_pickle(folder / 'cameras.pkl', cameras)
    counts = {}
    for split, members in (('train', TRAIN), ('test', TEST)):
        chosen = [subject for subject in members if subject in subjects]
        if chosen:
            listed = partial(list_recordings, archive, out, content, cameras, step=step, masks=masks)
            arrays = convert_sequences(listed(subjects=chosen), folder / f'parts_step{step}',
                                       partial(_outputs, out, masks), on_error,
                                       [recording.name for recording in listed(subjects=members)])
            replace_arrays(folder / rate_folder(step) / f'h36m_{split}.npz', arrays)
            counts[split] = len(arrays['imgname'])
    return counts


def rate_folder(step: int) -> str:
    """Return the name of the annotation folder: ``fps10`` for step 5, ``step3`` if the rate is not a whole number."""
    return f'step{step}' if FPS % step else f'fps{FPS // step}'


def _outputs(out: Path, masks: bool, name: str) -> list[Path]:
    return [out / 'images' / name, *([mask_path(out, name)] if masks else ())]


def mask_path(out: Path, name: str) -> Path:
    """Return the path of an image's mask."""
    return (out / 'masks' / name).with_suffix('.png')


def list_recordings(archive: Path, out: Path, metadata: H36MMetadata, cameras: dict, subjects: Sequence[str],
                    step: int, masks: bool = False) -> list[Recording]:
    """List the recordings to convert: each recording of each subject by each camera."""
    return [
        Recording(frame_folder(subject, name, camera),
                  partial(convert_recording, archive / subject, out, subject, name, cameras[subject, camera], step,
                          masks))
        for subject in subjects for name in metadata.recordings.get(subject, ()) for camera in metadata.camera_ids]


def frame_folder(subject: str, recording: str, camera: str) -> str:
    """Return mmpose's name of a recording: ``S1_Directions_1.54138969``."""
    return f'{subject}_{recording}.{camera}'.replace(' ', '_')


def convert_recording(folder: Path, out: Path, subject: str, recording: str, camera: dict, step: int,
                      masks: bool = False) -> Arrays:
    """Write every ``step``-th image of one video and return its arrays.

    Poses beyond the last frame of an intact video are left out.

    Args:
        folder: The subject's folder in the archive.
        out: Folder of ``images`` and ``masks``.
        subject: Such as ``'S1'``.
        recording: Such as ``'Directions 1'``.
        camera: Its parameters, in the format of ``cameras.pkl``.
        step: Take every n-th frame.
        masks: Also write masks; a frame without a mask in the archive gets a black one, and training skips it. Defaults
            to False.

    Raises:
        FileNotFoundError: A CDF file or the file of masks is missing.
        UnreadableFileError: The video is missing or truncated, or a CDF file or the file of masks is broken.
        ValueError: 2D and 3D poses have different numbers of frames, or the wrong number of keypoints.
    """
    name = f'{recording}.{camera["id"]}'
    pixels = read_poses(find_cdf(folder, ('D2_Positions', ), name), 2)
    points = read_points(folder, recording, camera)
    if len(pixels) != len(points):
        raise ValueError(f'{folder / name}: {len(pixels)} frames of 2D poses and {len(points)} of 3D poses')
    base = frame_folder(subject, recording, camera['id'])
    names, kept = [], []
    with open_masks(folder, name) if masks else nullcontext() as found:
        for index, image in read_frames(folder / 'Videos' / f'{name}.mp4', step):
            if index >= len(pixels):
                break
            names.append(f'{subject}/{base}/{base}_{index + 1:06d}.jpg')
            kept.append(index)
            write_image(out / 'images' / names[-1], image)
            if found is not None:
                write_image(mask_path(out, names[-1]), found.mask(index, image.shape[:2]).astype(np.uint8) * 255)
    return frame_arrays(names, pixels[kept], points[kept], (camera['w'], camera['h']))


def read_points(folder: Path, recording: str, camera: dict) -> np.ndarray:
    """Return a recording's 3D poses (n, 17, 3) in the camera frame, mm, from the camera-frame or world-frame file.

    Raises:
        FileNotFoundError: Neither file exists.
    """
    try:
        return read_poses(find_cdf(folder, ('D3_Positions_mono', ), f'{recording}.{camera["id"]}'), 3)
    except FileNotFoundError as error:
        try:
            world = read_poses(find_cdf(folder, ('D3_Positions', ), recording), 3)
        except FileNotFoundError:
            raise error from None
    to_camera, place = camera['R'].T, camera['T'][:, 0] * 1000.0
    return world_to_camera(world, to_camera, -to_camera @ place)


def find_cdf(folder: Path, kinds: Sequence[str], name: str) -> Path:
    """Return the path of a CDF file.

    Raises:
        FileNotFoundError: The file is in none of the folders; the message names them.
    """
    candidates = [folder / pattern.format(kind) / f'{name}.cdf' for kind in kinds for pattern in CDF_FOLDERS]
    found = [path for path in candidates if path.is_file()]
    if not found:
        raise FileNotFoundError(f'{candidates[0]}: no such CDF file; unpack the archive of {kinds[0]} there, or '
                                "leave out the recording with on_error='skip'")
    return found[0]


def read_poses(path: str | Path, channels: int) -> np.ndarray:
    """Read a CDF file of poses.

    Args:
        path: The file, with a variable ``Pose`` (1, n, 32 * channels).
        channels: 2 for px, 3 for mm.

    Returns:
        (n, 17, channels) float64, mmpose's keypoints.

    Raises:
        ImportError: cdflib is not installed.
        UnreadableFileError: The file is broken, or not a CDF file of poses.
        ValueError: The file has the wrong number of keypoints.
    """
    read = import_cdflib()
    try:
        values = np.asarray(read(str(path)).varget('Pose'), dtype=np.float64)
    except Exception as error:  # a truncated file may raise nearly anything
        raise UnreadableFileError(f'{path}: cannot be read as a CDF file of poses ({type(error).__name__}: {error}); '
                                  'copy or download it again') from error
    if values.shape[-1] != ARCHIVE_KEYPOINTS * channels:
        raise ValueError(f'{path}: {values.shape[-1]} numbers per frame, expected {ARCHIVE_KEYPOINTS} keypoints of '
                         f'{channels}')
    return values.reshape(-1, ARCHIVE_KEYPOINTS, channels)[:, list(KEYPOINTS)]


def import_cdflib() -> Callable:
    """Return cdflib's reader.

    Raises:
        ImportError: cdflib is not installed; the message says how to install it.
    """
    try:
        from cdflib import CDF
    except ImportError as error:
        raise ImportError('the CDF files of Human3.6M are read by cdflib, which is not installed: '
                          'pip install cdflib') from error
    return CDF
