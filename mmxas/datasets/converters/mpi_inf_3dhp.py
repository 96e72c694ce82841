"""Convert the archive of MPI-INF-3DHP to mmpose's layout, with all keypoints and the number of occluded ones."""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.io.images import image_size
from mmxas.io.safe_pickle import load_pickle

from . import mpi_inf_3dhp_files as files
from .frames import UnreadableFileError, read_together, replace_arrays, write_if_changed, write_image, write_pickle
from .sequences import Arrays, Recording, convert_sequences, frame_arrays

TRAIN = tuple(f'S{number}' for number in range(1, 9))
TEST = tuple(f'TS{number}' for number in range(1, 7))
SEQUENCES = ('Seq1', 'Seq2')
NUM_CAMERAS = 14
CHEST_HEIGHT = (0, 2, 4, 7, 8)
TRAIN_FOLDERS, TEST_FOLDERS = ('', 'train'), ('', 'test', 'mpi_inf_3dhp_test_set')


def convert(archive: str | Path, out: str | Path, subjects: Sequence[str] = TRAIN + TEST,
            cameras: Sequence[int] = CHEST_HEIGHT, step: int = 5, masks: bool = False, chairs: bool = True,
            on_error: str = 'raise') -> dict[str, int]:
    """Convert the unpacked archive. Existing files are kept: a second run changes nothing.

    Subjects and cameras that earlier runs converted with the same step stay in the annotations.

    Args:
        archive: Folder with ``S1/Seq1/annot.mat``, ``camera.calibration``, ``imageSequence/video_0.avi``,
            ``ChairMasks`` and ``FGmasks`` beside it, and ``TS1/annot_data.mat`` with ``imageSequence/img_000001.jpg``;
            or with these in ``train`` and ``test``.
        out: Folder that ``images``, ``masks`` and ``annotations`` are written to.
        subjects: Subjects to convert, of S1 to S8 and TS1 to TS6. Defaults to all.
        cameras: Cameras of the training set. Defaults to the five at chest height.
        step: Take every n-th frame of the training set; all valid frames of the test set are taken. Defaults to 5.
        masks: Write foreground masks: the foreground of the green screen without the chair. Defaults to False.
        chairs: Count the keypoints behind the chair, from ChairMasks; data sets use the count to leave out occluded
            frames. Defaults to True.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out videos with a file that is missing or broken.
            Defaults to ``'raise'``.

    Returns:
        Number of frames in the annotation files of ``'train'`` and ``'test'``, for the splits that were
        converted.

    Raises:
        OSError: An annotation, camera or video file is missing or broken; the message names it.
        ValueError: A subject is unknown, a camera is not in a file, poses have the wrong number of keypoints, or an
            existing npz file has frames that would be lost.
    """
    archive, out = Path(archive), Path(out)
    unknown = sorted(set(subjects) - set(TRAIN + TEST))
    if unknown or not subjects:
        raise ValueError(f'subjects {unknown or "none"}: expected some of {TRAIN + TEST}')
    counts = {}
    for split, members in (('train', TRAIN), ('test', TEST)):
        chosen = [subject for subject in members if subject in subjects]
        if chosen and split == 'train':
            recordings, known = _train_recordings(archive, out, chosen, cameras, step, masks, chairs, on_error)
        elif chosen:
            recordings, known = _test_recordings(archive, out, chosen, on_error)
        else:
            continue
        parts = f'parts_step{step}' + ('' if chairs else '_no_chairs') if split == 'train' else 'parts_test'
        outputs = partial(_outputs, out, masks and split == 'train')
        arrays = convert_sequences(recordings, out / 'annotations' / parts, outputs, on_error, _names(split))
        _add_cameras(out / 'annotations' / f'cameras_{split}.pkl', known)
        replace_arrays(out / 'annotations' / f'mpi_inf_3dhp_{split}.npz', arrays)
        counts[split] = len(arrays['imgname'])
    return counts


def _names(split: str) -> list[str]:
    """Return the names of all videos of a split in the archive."""
    if split == 'test':
        return list(TEST)
    return [f'{subject}_{sequence}_Cam{camera}'
            for subject in TRAIN for sequence in SEQUENCES for camera in range(NUM_CAMERAS)]


def _add_cameras(path: Path, known: dict[str, dict]) -> None:
    """Write cameras; cameras of other videos in the file are kept."""
    before = load_pickle(path) if path.is_file() else {}
    write_pickle(path, {**before, **known})


def _read(name: str, on_error: str, read: Callable[[], Any]) -> Any:
    """Return the result of ``read``; under ``on_error='skip'`` log an unreadable file and return None."""
    try:
        return read()
    except OSError as error:
        if on_error != 'skip':
            raise
        print_log(f'{name} is left out: {error}', 'current', logging.WARNING)
        return None


def _outputs(out: Path, masks: bool, name: str) -> list[Path]:
    mask = (out / 'masks' / name).with_suffix('.png')
    return [out / 'images' / name, mask] if masks else [out / 'images' / name]


def _train_recordings(archive: Path, out: Path, subjects: Sequence[str], cameras: Sequence[int], step: int, masks: bool,
                      chairs: bool, on_error: str) -> tuple[list[Recording], dict[str, dict]]:
    recordings, known = [], {}
    for subject in subjects:
        for sequence in SEQUENCES:
            found = _read(f'{subject}/{sequence}', on_error, partial(_calibrated, archive, f'{subject}/{sequence}'))
            if found is None:
                continue
            folder, calibrated = found
            for camera in cameras:
                name = f'{subject}_{sequence}_Cam{camera}'
                if camera not in calibrated:
                    raise ValueError(f'{folder / "camera.calibration"}: no camera {camera}, it has '
                                     f'{sorted(calibrated)}')
                known[name] = calibrated[camera]
                recordings.append(Recording(name, partial(
                    convert_recording, folder, out, name, camera, (known[name]['w'], known[name]['h']), step, masks,
                    chairs)))
    return recordings, known


def _calibrated(archive: Path, name: str) -> tuple[Path, dict[int, dict]]:
    folder = find_folder(archive, TRAIN_FOLDERS, name)
    return folder, files.read_calibration(folder / 'camera.calibration')


def convert_recording(folder: Path, out: Path, name: str, camera: int, size: tuple[int, int], step: int,
                      masks: bool = False, chairs: bool = True) -> Arrays:
    """Write every ``step``-th image of one training video and return its arrays.

    Args:
        folder: The sequence's folder in the archive.
        out: Folder with ``images`` and ``masks``.
        name: Such as ``'S1_Seq1_Cam0'``.
        camera: Its number.
        size: (w, h) of the images in px.
        step: Take every n-th frame.
        masks: Also write masks. Defaults to False.
        chairs: Add ``hidden`` (n,) uint8, the number of keypoints behind the chair. Defaults to True.

    Raises:
        OSError: A file is missing or broken.
        ValueError: The annotations lack the camera, or a mask's size differs from its image's.
    """
    annotations = files.read_annotations(folder / 'annot.mat')
    if camera not in annotations:
        raise ValueError(f'{folder / "annot.mat"}: no camera {camera}, it has {sorted(annotations)}')
    pixels, points = annotations[camera]
    names, kept, hidden = [], [], []
    for index, image, no_chair, front in _frames(folder, camera, step, masks, chairs):
        if index >= len(pixels):
            break
        names.append(f'{name}_{index + 1:06d}.jpg')
        kept.append(index)
        write_image(out / 'images' / names[-1], image)
        if chairs:
            hidden.append(files.num_hidden(no_chair, pixels[index]))
        if masks:
            body = front if no_chair is None else front & no_chair
            write_image((out / 'masks' / names[-1]).with_suffix('.png'), body.astype(np.uint8) * 255)
    arrays = frame_arrays(names, pixels[kept], points[kept], size)
    return {**arrays, 'hidden': np.array(hidden, dtype=np.uint8)} if chairs else arrays


def _frames(folder: Path, camera: int, step: int, masks: bool, chairs: bool) -> Iterator[tuple]:
    """Yield index, image, chair-free region (h, w) and foreground (h, w); None for what is not requested."""
    wanted = {'ChairMasks': chairs, 'FGmasks': masks}
    kinds = ['imageSequence', *(kind for kind, used in wanted.items() if used)]
    for (index, image), *others in read_together([folder / kind / f'video_{camera}.avi' for kind in kinds], step):
        decoded = iter(files.foreground(mask) for _, mask in others)
        no_chair, front = next(decoded) if chairs else None, next(decoded) if masks else None
        for mask in (no_chair, front):
            if mask is not None and mask.shape != image.shape[:2]:
                raise ValueError(f'{folder}: video_{camera}.avi: mask of {mask.shape} px, image of {image.shape[:2]}')
        yield index, image, no_chair, front


def _test_recordings(archive: Path, out: Path, subjects: Sequence[str],
                     on_error: str) -> tuple[list[Recording], dict[str, dict]]:
    recordings, known = [], {}
    for subject in subjects:
        found = _read(subject, on_error, partial(_test_camera, archive, subject))
        if found is None:
            continue
        folder, content, known[subject] = found
        width, height = known[subject]['w'], known[subject]['h']
        recordings.append(Recording(subject, partial(
            convert_test_sequence, folder, out, subject, content, (width, height))))
    return recordings, known


def _test_camera(archive: Path, subject: str) -> tuple[Path, dict[str, np.ndarray], dict]:
    folder = find_folder(archive, TEST_FOLDERS, subject)
    content = files.read_test_annotations(folder / 'annot_data.mat')
    valid = content['valid']
    if not valid.any():
        raise UnreadableFileError(f'{folder / "annot_data.mat"}: none of its {len(valid)} frames is valid; copy or '
                                  'download it again')
    height, width = image_size(folder / 'imageSequence' / f'img_{np.flatnonzero(valid)[0] + 1:06d}.jpg')
    focal, centre = files.fit_intrinsics(content['points'][valid], content['pixels'][valid])
    return folder, content, {'f': focal[:, None], 'c': centre[:, None], 'w': width, 'h': height,
                             'name': f'test_cam_{subject.removeprefix("TS")}'}


def convert_test_sequence(folder: Path, out: Path, name: str, content: dict, size: tuple[int, int]) -> Arrays:
    """Copy the valid images of a test sequence and return their arrays, with ``action`` (n,).

    Args:
        folder: The sequence's folder in the archive.
        out: Folder with ``images``.
        name: Such as ``'TS1'``.
        content: Result of :func:`~.mpi_inf_3dhp_files.read_test_annotations`.
        size: (w, h) of the images in px.

    Raises:
        FileNotFoundError: An image is missing.
    """
    kept, names = np.flatnonzero(content['valid']), []
    for index in kept:
        source = folder / 'imageSequence' / f'img_{index + 1:06d}.jpg'
        if not source.is_file():
            raise FileNotFoundError(f'{source}: no such image; {len(kept)} frames of {folder} have annotations')
        names.append(f'{name}_{index + 1:06d}.jpg')
        write_if_changed(out / 'images' / names[-1], source.read_bytes())
    arrays = frame_arrays(names, content['pixels'][kept], content['points'][kept], size)
    return {**arrays, 'action': content['action'][kept]}


def find_folder(archive: Path, places: Sequence[str], name: str) -> Path:
    """Return a folder of the archive.

    Raises:
        FileNotFoundError: The folder is in none of the places.
    """
    found = [archive / place / name for place in places if (archive / place / name).is_dir()]
    if not found:
        raise FileNotFoundError(f'{archive / name}: no such folder (also searched: '
                                f'{[place for place in places if place]}); unpack it there, or choose other subjects')
    return found[0]
