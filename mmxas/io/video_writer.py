"""Write videos that play in a browser: H.264, yuv420p, with the index at the beginning of the file."""
from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np

CODEC = 'libx264'
TICK = Fraction(1, 90000)  # s; the unit of time stamps


class VideoWriter:
    """Encode frames to an ``.mp4``. Use it as a context manager; the file is complete after it.

    Args:
        path: The file. It is overwritten, and incomplete until the end: see :func:`~mmxas.io.atomic_path`.
        shape: (h, w) of the frames. Odd sizes are padded by a repeated row or column, since yuv420p has even ones.
        rate: Frames per second, for the file's header. Defaults to 25.
        quality: CRF of x264, 0 to 51; lower is better and larger. Defaults to 23.

    Raises:
        RuntimeError: PyAV was built without x264.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int], rate: float = 25, quality: int = 23) -> None:
        require_encoder()
        self._padding = [(0, size % 2) for size in shape] + [(0, 0)]
        self._container = av.open(str(path), 'w', format='mp4', options={'movflags': '+faststart'})
        self._stream = cast(av.VideoStream, self._container.add_stream(
            CODEC, rate=Fraction(rate).limit_denominator(65535),
            options=dict(preset='veryfast', crf=str(quality), bf='0')))  # B-frames would shorten a variable rate's end
        self._stream.height, self._stream.width = (size + size % 2 for size in shape)
        self._stream.pix_fmt, self._stream.codec_context.time_base = 'yuv420p', TICK
        self._last = -1

    def write(self, image: np.ndarray, time: float) -> None:
        """Encode one frame.

        Args:
            image: (h, w, 3) uint8 BGR.
            time: When it is shown, in s; later than the previous frame.
        """
        frame = av.VideoFrame.from_ndarray(np.pad(image, self._padding, 'edge') if np.any(self._padding) else image,
                                           format='bgr24')
        self._last = max(round(time / TICK), self._last + 1)
        frame.pts, frame.time_base = self._last, TICK
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        """Return the writer."""
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Flush the encoder and close the file; after an error, only close it."""
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
        finally:
            self._container.close()


def require_encoder() -> None:
    """Raise ``RuntimeError`` if PyAV cannot write H.264."""
    try:
        av.Codec(CODEC, 'w')
    except (av.error.FFmpegError, ValueError) as error:
        raise RuntimeError(f'no encoder {CODEC} in PyAV {av.__version__}, so no H.264 video can be written: install '
                           'the wheel of PyPI (pip install --force-reinstall av)') from error
