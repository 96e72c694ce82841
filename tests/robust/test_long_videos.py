"""A long video needs no more memory than a short one; a run that is killed at random goes on to the same files."""
import json
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from tiny_clips import film, write_clip

from mmxas.io import VideoReader

from .children import Child

KIND = 'long_runs'
FRAMES, SIZE = 10_000, (64, 64)


@pytest.fixture(scope='module')
def clip(tmp_path_factory) -> Path:
    """10,000 frames of 64 px in which bodies come, go and return."""
    bodies = [dict(speed=1), dict(top=40, start=50, speed=-1, there=range(10, 35))]
    short = film(46, bodies, SIZE)
    images = list(chain.from_iterable([short] * (FRAMES // len(short) + 1)))[:FRAMES]
    return write_clip(tmp_path_factory.mktemp('clip') / 'clip.mp4', images)


@pytest.fixture(scope='module')
def whole(clip, tmp_path_factory) -> tuple[Path, dict]:
    """The folder of a run that was not disturbed, and its memory."""
    folder = tmp_path_factory.mktemp('whole')
    Child('infer_clip', folder / 'log', clip=str(clip), out=str(folder / 'out'),
          memory=str(folder / 'memory.json')).check(5000)
    return folder / 'out', json.loads((folder / 'memory.json').read_text())


@pytest.mark.robust
@pytest.mark.timeout(6000)
@pytest.mark.parametrize('what', ['poses', 'overlay'])
def test_resident_memory_is_flat_behind_the_first_1000_frames(what, whole):
    memory = np.array(whole[1][what][10:])
    assert len(memory) == FRAMES // 100 - 10
    slope = np.polyfit(np.arange(len(memory)), memory, 1)[0]  # 100 frames that are kept are 1.2 MB
    assert slope < 0.4, f'{slope:.3f} MB every 100 frames: {memory.round()}'


@pytest.mark.robust
@pytest.mark.timeout(6000)
def test_tables_take_little_memory(whole):
    """They hold all frames: a few kB for each."""
    assert max(whole[1]['overlay']) - max(whole[1]['poses']) < 15e-3 * FRAMES


@pytest.mark.robust
@pytest.mark.timeout(6000)
def test_a_run_killed_at_random_goes_on_to_the_same_files(clip, whole, tmp_path):
    out, lines = tmp_path / 'out', tmp_path / 'out' / 'predictions.jsonl'
    size = (whole[0] / 'predictions.jsonl').stat().st_size
    for share in np.sort(np.random.default_rng().uniform(0.05, 0.9, 3)):
        child = Child('infer_clip', tmp_path / 'log', clip=str(clip), out=str(out))
        while child.processes[0].is_alive() and not (lines.exists() and lines.stat().st_size > share * size):
            time.sleep(0.01)
        child.processes[0].kill()
        child.processes[0].join()
        assert not (out / 'overlay.mp4').exists()
    Child('infer_clip', tmp_path / 'log', clip=str(clip), out=str(out)).check(5000)
    for name in ('predictions.jsonl', 'poses_2d.csv', 'poses_3d.csv'):
        assert (out / name).read_bytes() == (whole[0] / name).read_bytes(), name
    pandas = pytest.importorskip('pandas', reason='pandas is not installed (requirements/exchange.txt)')
    for name in ('poses_2d.h5', 'poses_3d.h5'):
        pandas.testing.assert_frame_equal(pandas.read_hdf(out / name), pandas.read_hdf(whole[0] / name))
    assert len(VideoReader(out / 'overlay.mp4')) == FRAMES
