"""The project's one reader of videos: frame i is the i-th that the file decodes to, however it is reached.

PyAV, which brings its own FFmpeg, decodes. Seeking by time or by an average frame rate, as OpenCV does, gives a
neighbouring frame where the rate varies; here frames are found by the time stamps that the file itself has.
"""
from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from mmxas.io.images import MAX_PIXELS, UnreadableImageError

from .truncation import missing_bytes

# Here a packet is a frame, so that frames are counted without decoding them; elsewhere packets may hold none or two.
_COUNTABLE = {'av1', 'dnxhd', 'ffv1', 'h264', 'hevc', 'mjpeg', 'prores', 'vp9'}
_INDEXED = {'mov', 'matroska'}
_SKIP = "or set on_error='skip' (VideoReader: complete=False) to use the frames that are there"


class VideoReader:
    """A video as a sequence of images (H, W, 3) uint8 RGB, turned as its rotation says.

    Frames of ``.mp4``, ``.mov``, ``.mkv`` and ``.webm`` are counted by their packets, those of other files by decoding
    the file once. Frames that an edit list cuts away do not count. Reading in order is quick; a jump decodes from the
    key frame before. Each process opens the file for itself. All frames have the size of the first one.

    Args:
        path: The file, of any format and codec that FFmpeg reads.
        complete: Refuse a truncated file. False uses the frames that are there: the file is decoded once to find them.
            Defaults to True.

    Attributes:
        shape: (H, W).

    Raises:
        UnreadableImageError: The file is absent, no video, has no frame, or is truncated; the message names it.
    """

    def __init__(self, path: str | Path, complete: bool = True) -> None:
        self.path, self.complete = Path(path), complete
        self._close()
        counted = self._count_packets() if complete else None
        if complete:
            _refuse_truncated(self.path, f', {_SKIP}')
        self._times, self._keys, self._length = counted or self._count_frames()
        self._decodable = None if counted else self._length
        self._size: tuple[int, int] | None = None
        self.shape = self[0].shape[:2]
        self._close()

    def __len__(self) -> int:
        """Number of frames."""
        return self._length

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame ``index``, from 0, (H, W, 3) uint8 RGB.

        Raises:
            IndexError: There is no such frame.
            UnreadableImageError: It cannot be decoded.
        """
        return self.read(index)

    def read(self, index: int, order: str = 'rgb24') -> np.ndarray:
        """Return frame ``index``, (H, W, 3) uint8.

        Args:
            index: From 0.
            order: ``'rgb24'``, or ``'bgr24'`` for the order of channels that OpenCV has. Defaults to ``'rgb24'``.

        Raises:
            IndexError: There is no such frame.
            UnreadableImageError: It cannot be decoded.
        """
        if not 0 <= index < self._length:
            raise IndexError(f'{self.path}: frame {index} of {self._length}')
        frame = self._find(index)
        if frame is None and self._decodable is None:  # the file is not as its packets said: count what it decodes to
            self._close()
            times, keys, self._decodable = self._count_frames()
            if self._decodable == self._length:
                self._times, self._keys = times, keys
                frame = self._find(index)
        if frame is None:
            raise UnreadableImageError(f'{self.path}: frame {index} cannot be decoded, nor can all others: '
                                       f'{self._decodable} of {self._length}; copy the video again, {_SKIP}')
        self._size = self._size or (frame.width, frame.height)
        return _as_shown(frame, self._size, order)

    def __getstate__(self) -> dict:
        """Everything but the open file, for other processes."""
        return {**self.__dict__, '_container': None, '_frames': None, '_last': None, '_owner': -1}

    def _close(self) -> None:
        self._container, self._frames, self._last = None, None, None
        self._owner, self._next = -1, 0  # the process that opened the file, the frame that it decodes next

    def _find(self, index: int) -> av.VideoFrame | None:
        """Frame ``index``, or None where frames do not come as they were counted."""
        if self._owner == os.getpid() and index == self._next - 1 and self._last is not None:
            return self._last
        start = self._keys[bisect_right(self._keys, index) - 1]
        if self._owner == os.getpid() and (start <= self._next <= index):
            return self._advance(index)
        if self._times is not None:
            for key in self._keys[max(0, bisect_right(self._keys, index) - 2):bisect_right(self._keys, index)][::-1]:
                if key > 0 and self._seek(key):
                    return self._advance(index)
        self._start()
        return self._advance(index)

    def _start(self) -> None:
        """Open the file at its first frame. One thread, because threads do not survive a fork."""
        self._close()
        self._container, stream = _open(self.path, 'NONE')
        self._frames, self._owner = _decode(self._container, stream, self.path, not self.complete), os.getpid()

    def _seek(self, key: int) -> bool:
        """Go to a key frame; whether that frame came, whole, and is the last one read."""
        if self._owner != os.getpid():
            self._start()
        stream = self._container.streams.best('video')
        try:
            self._container.seek(self._times[key], stream=stream, backward=True)
        except av.error.FFmpegError:
            return False
        self._frames = _decode(self._container, stream, self.path, not self.complete)
        for frame in self._frames:
            if frame.pts is None or frame.pts > self._times[key]:
                return False
            if frame.pts == self._times[key]:  # what was refreshed bit by bit is whole some frames later only
                self._last, self._next = frame, key + 1
                return frame.pict_type == av.video.frame.PictureType.I
        return False

    def _advance(self, index: int) -> av.VideoFrame | None:
        """Decode up to a frame."""
        while self._next <= index:
            frame = next(self._frames, None)
            if frame is None or (self._times is not None and frame.pts != self._times[self._next]):
                return None
            self._last, self._next = frame, self._next + 1
        return self._last

    def _count_packets(self) -> tuple[list[int], list[int], int] | None:
        """Time stamps of the frames, which of them are key frames, and their number; None where packets do not tell."""
        container, stream = _open(self.path, 'NONE')
        with container:
            if stream.codec_context.name not in _COUNTABLE or not _INDEXED & set(container.format.name.split(',')):
                return None
            try:
                packets = [(packet.pts, packet.is_keyframe, packet.is_discard, packet.is_corrupt)
                           for packet in container.demux(stream) if packet.size]
            except av.error.FFmpegError:
                return None
        times = [pts for pts, _, discarded, _ in packets if not discarded]
        if not times or None in times or len(set(times)) < len(times) or any(packet[3] for packet in packets):
            return None
        first, stamps = packets[0][0], [pts for pts, *_ in packets if pts is not None]  # discarded ones may lack theirs
        if not packets[0][1] or first is None or min(stamps) < first:  # it begins behind a key frame
            return None
        keys = {pts for pts, is_key, *_ in packets if is_key}
        times.sort()
        return times, [0, *(i for i, pts in enumerate(times) if i and pts in keys)], len(times)

    def _count_frames(self) -> tuple[list[int] | None, list[int], int]:
        """The same by decoding; no time stamps where they do not rise from frame to frame."""
        container, stream = _open(self.path, 'AUTO')
        with container:
            found = [(frame.pts, frame.key_frame)
                     for frame in _decode(container, stream, self.path, not self.complete)]
        if not found:
            raise UnreadableImageError(f'{self.path}: no frame in this video can be decoded; copy it again')
        times = [pts for pts, _ in found]
        if None in times or any(second <= first for first, second in zip(times, times[1:])):
            return None, [0], len(found)
        return times, [0, *(i for i, (_, is_key) in enumerate(found) if i and is_key)], len(found)


def iterate_video(path: str | Path, step: int = 1, order: str = 'rgb24') -> Iterator[tuple[int, np.ndarray]]:
    """Decode every ``step``-th frame of a video in order, in one pass.

    Args:
        path: The file.
        step: 1 for all frames. Defaults to 1.
        order: As in :meth:`VideoReader.read`. Defaults to ``'rgb24'``.

    Yields:
        The frame's number, from 0, and the image (H, W, 3) uint8.

    Raises:
        UnreadableImageError: There is no such file, it is no video or has no frame, or, after its last frame, it is
            truncated.
        ValueError: ``step`` is less than 1.
    """
    if step < 1:
        raise ValueError(f'step={step}, expected 1 or more')
    path, index, size = Path(path), -1, None
    container, stream = _open(path, 'AUTO')
    with container:
        for index, frame in enumerate(_decode(container, stream, path)):
            size = size or (frame.width, frame.height)
            if index % step == 0:
                yield index, _as_shown(frame, size, order)
    _refuse_truncated(path)
    if index < 0:
        raise UnreadableImageError(f'{path}: no frame in this video can be decoded; copy it again')


def _open(path: Path, threads: str) -> tuple[av.container.InputContainer, av.VideoStream]:
    """The file and its video stream; FFmpeg opens no other file or address that a play list may name."""
    if not path.is_file():
        raise UnreadableImageError(f'{path}: no such video')
    try:
        container = av.open(str(path), options={'protocol_whitelist': 'file'})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        _refuse_truncated(path)
        reason = getattr(error, 'strerror', None) or error
        raise UnreadableImageError(f'{path}: not a video that FFmpeg reads ({reason}); copy it again, or '
                                   'convert it to .mp4') from error
    stream = container.streams.best('video')
    if stream is None or stream.codec_context is None:
        container.close()
        raise UnreadableImageError(f'{path}: no video in this file, or one of a codec that FFmpeg does not know')
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        container.close()
        raise UnreadableImageError(f'{path}: announces {stream.codec_context.width} x {stream.codec_context.height} '
                                   f'px, {MAX_PIXELS} px expected at most')
    stream.thread_type = threads
    if threads == 'NONE':
        stream.codec_context.thread_count = 1  # decoders of other makers have threads of their own
    return container, stream


def _decode(container: av.container.InputContainer, stream: av.VideoStream, path: Path,
            tolerant: bool = True) -> Iterator[av.VideoFrame]:
    """The frames from where the file stands; what is damaged gives none."""
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            yield from frames
    except av.error.FFmpegError as error:
        if not tolerant:
            raise UnreadableImageError(f'{path}: cannot be read to its end ({error}); copy the video again, '
                                       f'{_SKIP}') from error


def _refuse_truncated(path: Path, way_out: str = '') -> None:
    missing = missing_bytes(path)
    if missing:
        raise UnreadableImageError(f'{path}: truncated video, the file lacks {missing} of the bytes that it announces; '
                                   f'copy or download it again{way_out}')


def _as_shown(frame: av.VideoFrame, size: tuple[int, int], order: str) -> np.ndarray:
    """A frame (H, W, 3) in the size (w, h) of the first one, turned and mirrored as players show it."""
    image = frame.reformat(*size, format=order).to_ndarray()
    matrix = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return image
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(matrix), np.int32).reshape(3, 3).tolist()
    across, down = a, d  # x' = a x + c y, y' = b x + d y
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[::-1 if down < 0 else 1, ::-1 if across < 0 else 1])
