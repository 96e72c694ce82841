"""Frames of a video, by number."""
from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from mmxas.datasets.transforms.loading import UnreadableImageError

VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')


class VideoFrames:
    """A video file as a sequence of images (h, w, 3) uint8 BGR.

    Frames are counted by going through the file once, so that a truncated one is seen at once. Reading in order is
    quick; a jump goes back to a key frame. Each process opens the file for itself.

    Args:
        path: The file, anything that OpenCV reads.
        complete: Refuse a file that holds fewer frames than its header says. Defaults to True.

    Raises:
        UnreadableImageError: The file is absent, no video, has no frame, or is truncated.
    """

    def __init__(self, path: str | Path, complete: bool = True) -> None:
        self.path = Path(path)
        self._capture: cv2.VideoCapture | None = None
        self._owner, self._next = -1, 0
        capture = self._open()
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._length = 0
        while capture.grab():
            self._length += 1
        if self._length == 0:
            raise UnreadableImageError(f'{path}: no frame in this video ({announced} announced); copy it again')
        if complete and self._length < announced:
            raise UnreadableImageError(f'{path}: truncated video, {self._length} of {announced} frames can be read; '
                                       "copy it again, or set on_error='skip' to use those")
        self._next = self._length
        self.shape = self[0].shape[:2]

    def __len__(self) -> int:
        """Number of frames that can be read."""
        return self._length

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame ``index``, from 0.

        Raises:
            IndexError: There is no such frame.
            UnreadableImageError: It cannot be decoded.
        """
        if not 0 <= index < self._length:
            raise IndexError(f'{self.path}: frame {index} of {self._length}')
        if self._owner != os.getpid() or index != self._next:
            self._seek(index)
        found, image = self._capture.read()
        if not found:
            raise UnreadableImageError(f'{self.path}: frame {index} cannot be decoded; copy the video again')
        self._next = index + 1
        return image

    def __getstate__(self) -> dict:
        """Everything but the open file, for other processes."""
        return {**self.__dict__, '_capture': None, '_owner': -1}

    def _seek(self, index: int) -> None:
        if self._owner != os.getpid():
            self._open()
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        if round(self._capture.get(cv2.CAP_PROP_POS_FRAMES)) != index:  # no way to jump in this file
            self._open()
            for _ in range(index):
                self._capture.grab()

    def _open(self) -> cv2.VideoCapture:
        if not self.path.is_file():
            raise UnreadableImageError(f'{self.path}: no such video')
        self._capture = cv2.VideoCapture(str(self.path))
        self._owner, self._next = os.getpid(), 0
        if not self._capture.isOpened():
            raise UnreadableImageError(f'{self.path}: not a video that OpenCV can read, or a truncated one')
        return self._capture
