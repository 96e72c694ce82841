"""Videos of a few frames that tell their own numbers, in every kind that is recorded."""
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = 96, 64  # w, h in px
MILLISECOND = Fraction(1, 1000)


def numbered(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An image (h, w, 3) RGB whose upper row of blocks spells a number below 256; something moves below."""
    width, height = size
    image = np.full((height, width, 3), 60, np.uint8)
    for bit in range(8):
        image[:height // 2, bit * width // 8:(bit + 1) * width // 8] = 255 if number >> bit & 1 else 0
    left = number * 5 % (width - 16)
    image[height // 2 + 4:, left:left + 16] = 220, 90, 30
    return image


def number_of(image: np.ndarray) -> int:
    """The number that an image (h, w, 3) spells."""
    height, width = image.shape[:2]
    return sum(1 << bit for bit in range(8) if image[height // 4, bit * width // 8 + width // 16].mean() > 127)


def write_video(path: Path, num: int = 40, codec: str = 'libx264', times: Sequence[int] | None = None,
                pixels: str = 'yuv420p', audio: float = 0, container: dict | None = None,
                images: Sequence[np.ndarray] | None = None, **options: str) -> Path:
    """Write numbered frames, or images.

    Args:
        path: The file.
        num: Frames.
        codec: FFmpeg's encoder.
        times: When each is shown, ms. Defaults to None: 25 a second.
        pixels: The encoder's format of pixels.
        audio: Seconds of sound beside the frames.
        container: Options of the container.
        images: (h, w, 3) uint8 RGB. Defaults to None: numbered ones.
        **options: Of the encoder, such as ``g='10'``.
    """
    images = [numbered(i) for i in range(num)] if images is None else images
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w', container_options=container or {}) as output:
        stream = output.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        if times is not None:
            stream.codec_context.time_base = MILLISECOND
        sound = output.add_stream('mp2', rate=48000, layout='mono') if audio else None
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
            if times is not None:
                frame.pts, frame.time_base = times[number], MILLISECOND
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        for start in range(0, round(audio * 48000), 1152):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format='s16', layout='mono')
            silence.sample_rate, silence.pts, silence.time_base = 48000, start, Fraction(1, 48000)
            output.mux(sound.encode(silence))
        if sound is not None:
            output.mux(sound.encode())
    return path


def remux(source: Path, path: Path, change: Callable[[int, av.Packet], None], **container: str) -> Path:
    """Copy a video's packets into another file; ``change`` gets each with its number."""
    with av.open(str(source)) as old, av.open(str(path), 'w', container_options=container) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            change(number, packet)
            packet.stream = stream
            new.mux(packet)
    return path


def trimmed(source: Path, path: Path, frames: int) -> Path:
    """Copy a video of 25 frames a second; an edit list cuts its first frames away."""
    def earlier(_: int, packet: av.Packet) -> None:
        shift = round(frames / 25 / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
    return remux(source, path, earlier, avoid_negative_ts='disabled')


def patched(source: Path, path: Path, box: bytes, offset: int, values: Sequence[int]) -> Path:
    """Copy an .mp4 and write numbers of 32 bits behind the name of a box."""
    content = bytearray(source.read_bytes())
    start = content.index(box) + 4 + offset
    content[start:start + 4 * len(values)] = b''.join(value.to_bytes(4, signed=True) for value in values)
    path.write_bytes(content)
    return path


def turned(source: Path, path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Copy an .mp4 that is shown with x' = a x + c y and y' = b x + d y."""
    one = 1 << 16
    return patched(source, path, b'tkhd', 40, [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30])


def decoded(path: Path) -> Iterator[np.ndarray]:
    """The frames (h, w, 3) uint8 RGB as they are decoded from first to last."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format='rgb24')
