"""Read videos; frame i is always the i-th decoded frame, in sequential and in random access.

Decoding uses PyAV, which includes FFmpeg. OpenCV seeks by time or average frame rate, and returns a neighbouring frame
if the rate varies. This reader seeks by the time stamps in the file.
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

# In these formats one packet is one frame, so frames are counted without decoding. In others it may hold none or two.
_COUNTABLE = {'av1', 'dnxhd', 'ffv1', 'h264', 'hevc', 'mjpeg', 'prores', 'vp9'}
_INDEXED = {'mov', 'matroska'}
_SKIP = "or set on_error='skip' (VideoReader: complete=False) to use the frames that are there"


class VideoReader:
    """Sequence of the frames of a video, (H, W, 3) uint8 RGB each, with the file's rotation applied.

    For ``.mp4``, ``.mov``, ``.mkv`` and ``.webm``, frames are counted by packets; other files are decoded once to count
    them. Frames removed by an edit list do not count. Sequential reading is fast; random access decodes from the
    preceding key frame. Each process opens the file separately. All frames have the size of the first one.

    Args:
        path: The file, of any format and codec that FFmpeg reads.
        complete: Whether to raise if the file is truncated. False decodes the file once and uses the frames that it
            contains. Defaults to True.

    Attributes:
        shape: (H, W).

    Raises:
        UnreadableImageError: The file is absent, not a video, has no frame, or is truncated; the message names it.
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
        """Return frame ``index``, counted from 0, (H, W, 3) uint8 RGB.

        Raises:
            IndexError: There is no such frame.
            UnreadableImageError: It cannot be decoded.
        """
        return self.read(index)

    def read(self, index: int, order: str = 'rgb24') -> np.ndarray:
        """Return frame ``index``, (H, W, 3) uint8.

        Args:
            index: Index of the frame, from 0.
            order: ``'rgb24'``, or ``'bgr24'`` for OpenCV's order of channels. Defaults to ``'rgb24'``.

        Raises:
            IndexError: There is no such frame.
            UnreadableImageError: It cannot be decoded.
        """
        if not 0 <= index < self._length:
            raise IndexError(f'{self.path}: frame {index} of {self._length}')
        frame = self._find(index)
        if frame is None and self._decodable is None:  # packets and frames differ: count decoded frames
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
        """Return the state without the open file, for other processes."""
        return {**self.__dict__, '_container': None, '_frames': None, '_last': None, '_owner': -1}

    def _close(self) -> None:
        self._container, self._frames, self._last = None, None, None
        self._owner, self._next = -1, 0  # process that opened the file, next frame to decode

    def _find(self, index: int) -> av.VideoFrame | None:
        """Return frame ``index``, or None if the decoded frames do not match the count."""
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
        """Open the file at its first frame. Decodes in one thread, as threads do not survive a fork."""
        self._close()
        self._container, stream = _open(self.path, 'NONE')
        self._frames, self._owner = _decode(self._container, stream, self.path, not self.complete), os.getpid()

    def _seek(self, key: int) -> bool:
        """Seek to a key frame; return whether exactly this frame was decoded, without errors, and read last."""
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
            if frame.pts == self._times[key]:  # with gradual refresh, the image is complete some frames later
                self._last, self._next = frame, key + 1
                return frame.pict_type == av.video.frame.PictureType.I
        return False

    def _advance(self, index: int) -> av.VideoFrame | None:
        """Decode up to frame ``index`` and return it."""
        while self._next <= index:
            frame = next(self._frames, None)
            if frame is None or (self._times is not None and frame.pts != self._times[self._next]):
                return None
            self._last, self._next = frame, self._next + 1
        return self._last

    def _count_packets(self) -> tuple[list[int], list[int], int] | None:
        """Return time stamps, key frames and number of frames from the packets; None if packets cannot be counted."""
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
        first, stamps = packets[0][0], [pts for pts, *_ in packets if pts is not None]  # discarded packets may lack it
        if not packets[0][1] or first is None or min(stamps) < first:  # the file does not begin with a key frame
            return None
        keys = {pts for pts, is_key, *_ in packets if is_key}
        times.sort()
        return times, [0, *(i for i, pts in enumerate(times) if i and pts in keys)], len(times)

    def _count_frames(self) -> tuple[list[int] | None, list[int], int]:
        """As :meth:`_count_packets`, by decoding; no time stamps if they do not increase from frame to frame."""
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
        Index of the frame, from 0, and the image (H, W, 3) uint8.

    Raises:
        UnreadableImageError: The file is absent, not a video or without frames; or it is truncated, raised after the
            last frame.
        ValueError: ``step`` is less than 1.
    """
    if step < 1:
        raise ValueError(f'step={step}, expected 1 or more')
    for index, frame, size in _frames(Path(path)):
        if index % step == 0:
            yield index, _as_shown(frame, size, order)


def timed_frames(path: str | Path, start: int = 0, order: str = 'rgb24') -> Iterator[tuple[int, float, np.ndarray]]:
    """Decode a video in order, in one pass, with the times at which its frames are shown.

    Args:
        path: The file.
        start: First frame to yield; those before are decoded, but not converted. Defaults to 0.
        order: As in :meth:`VideoReader.read`. Defaults to ``'rgb24'``.

    Yields:
        Index of the frame, from 0; time in s after the first frame; and the image (H, W, 3) uint8. Times rise: a frame
        without a later time stamp than the one before follows it by the mean distance.

    Raises:
        UnreadableImageError: As in :func:`iterate_video`.
    """
    step, first, time = 1 / frame_rate(path), None, -1.0
    for index, frame, size in _frames(Path(path)):
        first = frame.time if first is None else first
        shown = time + step if frame.time is None or first is None else frame.time - first
        time = max(shown, 0.0) if shown > time else time + step
        if index >= start:
            yield index, time, _as_shown(frame, size, order)


def frame_rate(path: str | Path) -> float:
    """Return the mean number of frames per second that a video file states; 25 if it states none.

    Raises:
        UnreadableImageError: The file is absent, or not a video.
    """
    container, stream = _open(Path(path), 'NONE')
    with container:
        return float(stream.average_rate or stream.guessed_rate or 25)


def _frames(path: Path) -> Iterator[tuple[int, av.VideoFrame, tuple[int, int]]]:
    """Yield each decoded frame with its index, and the size (w, h) of the first; the file is refused if truncated."""
    index, size = -1, None
    container, stream = _open(path, 'AUTO')
    with container:
        for index, frame in enumerate(_decode(container, stream, path)):
            size = size or (frame.width, frame.height)
            yield index, frame, size
    _refuse_truncated(path)
    if index < 0:
        raise UnreadableImageError(f'{path}: no frame in this video can be decoded; copy it again')


def _open(path: Path, threads: str) -> tuple[av.container.InputContainer, av.VideoStream]:
    """Return the open file and its video stream; FFmpeg may not open other files or addresses from a play list."""
    if not path.is_file():
        raise UnreadableImageError(f'{path}: no such video')
    try:
        container = av.open(str(path.absolute()), options={'protocol_whitelist': 'file'})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        _refuse_truncated(path)
        reason = getattr(error, 'strerror', None) or error
        raise UnreadableImageError(f'{path}: not a video that FFmpeg reads ({reason}); copy it again, or '
                                   'convert it to .mp4') from error
    stream = container.streams.best('video')
    if stream is None or stream.codec_context is None:
        container.close()
        raise UnreadableImageError(f'{path}: no video in this file, or one of a codec that FFmpeg does not know; '
                                   'convert it to .mp4 with H.264')
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        container.close()
        raise UnreadableImageError(f'{path}: announces {stream.codec_context.width} x {stream.codec_context.height} '
                                   f'px, {MAX_PIXELS} px expected at most')
    stream.thread_type = threads
    if threads == 'NONE':
        stream.codec_context.thread_count = 1  # third-party decoders start their own threads
    return container, stream


def _decode(container: av.container.InputContainer, stream: av.VideoStream, path: Path,
            tolerant: bool = True) -> Iterator[av.VideoFrame]:
    """Yield the frames from the current position, skipping damaged ones."""
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
    """Return a frame (H, W, 3), resized to (w, h), rotated and mirrored as in a video player."""
    image = frame.reformat(*size, format=order).to_ndarray()
    matrix = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return image
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(matrix), np.int32).reshape(3, 3).tolist()
    across, down = a, d  # x' = a x + c y, y' = b x + d y
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[::-1 if down < 0 else 1, ::-1 if across < 0 else 1])
