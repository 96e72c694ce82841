"""Read the background masks of Human3.6M: one mat file or video per recording and camera.

n: frames; h, w: size of an image.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmxas.io import check_mat, foreground

from .frames import UnreadableFileError, read_frames

FOLDER = 'MySegmentsMat/ground_truth_bs'
HDF5 = b'\x89HDF\r\n\x1a\n'
USER_BLOCK = 512  # MATLAB puts its own header before HDF5's


@contextmanager
def open_masks(folder: Path, name: str) -> Iterator[RecordingMasks]:
    """Open the masks of one recording by one camera.

    Args:
        folder: The subject's folder in the archive.
        name: Name of the recording and the camera, such as ``'Directions 1.54138969'``.

    Raises:
        FileNotFoundError: There is neither a mat file nor a video.
        ImportError: h5py is required and not installed.
        UnreadableFileError: The file is broken, or has no ``Masks``.
    """
    path = folder / FOLDER / f'{name}.mat'
    video = path.with_suffix('.mp4')
    if not path.is_file() and video.is_file():
        yield RecordingMasks(video, [])
    elif not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of masks, and no {video.name}; unpack the segments (BS) of the '
                                'archive there, or convert without --masks')
    elif _is_hdf5(path):
        with _open_hdf5(path) as masks:
            yield masks
    else:
        try:
            check_mat(path)
            cells = loadmat(path, variable_names=['Masks'])['Masks']
        except Exception as error:  # a truncated file may raise nearly anything
            raise UnreadableFileError(f'{path}: cannot be read as a mat file with Masks ({type(error).__name__}: '
                                      f'{error}); copy or download it again') from error
        yield RecordingMasks(path, list(cells.ravel()))


class RecordingMasks:
    """The masks of one recording by one camera.

    Args:
        path: The file.
        cells: One mask (h, w) per frame; empty for a video.
        source: Open HDF5 file that the cells refer to; its masks are transposed. Defaults to None.
    """

    def __init__(self, path: Path, cells: list, source: object = None) -> None:
        self.path, self.cells, self.source = path, cells, source
        self._video = read_frames(path) if path.suffix == '.mp4' else None
        self._next = -1, None

    def mask(self, index: int, shape: tuple[int, int]) -> np.ndarray:
        """Return the mask (h, w) bool of a frame; all False if the file has none.

        Args:
            index: Index of the frame, from 0; in ascending order for a video.
            shape: (h, w) of the image.

        Raises:
            ValueError: The mask's size differs from the image's.
        """
        values = self._of_video(index) if self._video is not None else self._of_cells(index)
        if values is None or values.size < 2 or values.ndim != 2:
            return np.zeros(shape, dtype=bool)
        if values.shape != tuple(shape):
            raise ValueError(f'{self.path}: frame {index}: mask of {values.shape[1]} x {values.shape[0]} px, its image '
                             f'has {shape[1]} x {shape[0]}')
        return values

    def _of_cells(self, index: int) -> np.ndarray | None:
        if index >= len(self.cells):
            return None
        if self.source is None:
            return foreground(self.cells[index]).mask
        try:
            return foreground(np.asarray(self.source[self.cells[index]]).T).mask
        except (ValueError, KeyError, OSError):  # an empty cell of the file
            return None

    def _of_video(self, index: int) -> np.ndarray | None:
        while self._next[0] < index:
            self._next = next(self._video, (index + 1, None))
        number, image = self._next
        return None if number != index or image is None else foreground(image, 'lossy', peak=255).mask


def _is_hdf5(path: Path) -> bool:
    with path.open('rb') as file:
        head = file.read(USER_BLOCK + len(HDF5))
    return head.startswith(HDF5) or head[USER_BLOCK:] == HDF5


@contextmanager
def _open_hdf5(path: Path) -> Iterator[RecordingMasks]:
    try:
        from h5py import File
    except ImportError as error:
        raise ImportError('the masks of Human3.6M are HDF5 files, read by h5py, which is not installed: '
                          'pip install h5py') from error
    try:
        file = File(path, 'r')
        cells = list(np.asarray(file['Masks']).ravel())
    except (OSError, KeyError) as error:
        raise UnreadableFileError(f'{path}: not a mat file with Masks ({error}); copy or download it again') from error
    with file:
        yield RecordingMasks(path, cells, file)
