import subprocess
import sys

import av
import numpy as np
import pytest

from mmxas.io import VideoReader, VideoWriter, atomic_path, timed_frames
from mmxas.io import video_writer as module


def write(path, count=12, shape=(33, 65), times=None):
    with VideoWriter(path, shape, 25) as writer:
        for index in range(count):
            writer.write(np.full((*shape, 3), 20 * index, np.uint8), index / 25 if times is None else times[index])


def test_frames_and_their_times_are_read_back(tmp_path):
    times = [0, 0.04, 0.08, 0.2, 0.24, 1.0]
    write(tmp_path / 'a.mp4', 6, (32, 64), times)
    found = list(timed_frames(tmp_path / 'a.mp4'))
    np.testing.assert_allclose([time for _, time, _ in found], times, atol=1e-4)
    np.testing.assert_allclose([image.mean() for *_, image in found], 20 * np.arange(6), atol=6)
    with av.open(str(tmp_path / 'a.mp4')) as container:
        assert container.streams.video[0].duration * container.streams.video[0].time_base >= 1.0


def test_it_plays_in_a_browser(tmp_path):
    write(tmp_path / 'a.mp4')
    with av.open(str(tmp_path / 'a.mp4')) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ('h264', 'yuv420p')
    content = (tmp_path / 'a.mp4').read_bytes()
    assert content.index(b'moov') < content.index(b'mdat')


def test_odd_sizes_are_padded(tmp_path):
    write(tmp_path / 'a.mp4')
    assert VideoReader(tmp_path / 'a.mp4').shape == (34, 66) and len(VideoReader(tmp_path / 'a.mp4')) == 12


def test_an_error_leaves_nothing(tmp_path):
    def stop():
        with atomic_path(tmp_path / 'a.mp4') as part, VideoWriter(part, (32, 32)) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8), 0)
            raise RuntimeError('stopped')
    with pytest.raises(RuntimeError, match='stopped'):
        stop()
    assert not list(tmp_path.iterdir())


def test_a_missing_encoder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'CODEC', 'libnone')
    with pytest.raises(RuntimeError, match=r'no encoder libnone in PyAV .*pip install --force-reinstall av'):
        VideoWriter(tmp_path / 'a.mp4', (32, 32))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    code = f"""
import resource, numpy as np
from mmxas.io import VideoWriter, atomic_path
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
try:
    with atomic_path({str(tmp_path / 'a.mp4')!r}) as part, VideoWriter(part, (64, 64)) as writer:
        for index in range(300):
            writer.write(np.random.default_rng(index).integers(0, 255, (64, 64, 3), dtype=np.uint8), index / 25)
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"[Errno 27] File too large: {str(tmp_path / 'a.mp4')!r}", done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
