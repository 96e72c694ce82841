import fcntl
import hashlib
import os
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
import torch

from mmxas.synthesis import PairReader
from mmxas.synthesis.synthesize import one_thread, plain, set_meta, synthesize


def digests(root):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.iterdir())}


def test_the_bytes_do_not_depend_on_the_number_of_workers(synthetic_config, tmp_path):
    for workers in (0, 1, 2):
        synthesize(synthetic_config, tmp_path / str(workers), 7, workers, seed=5, shard_size=2, progress=False)
    assert digests(tmp_path / '0') == digests(tmp_path / '1') == digests(tmp_path / '2')
    assert len(digests(tmp_path / '0')) == 5


def test_missing_shards_are_rendered_again_and_sets_extended(synthetic_config, tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    synthesize(synthetic_config, whole, 5, shard_size=2, progress=False)
    synthesize(synthetic_config, parts, 3, shard_size=2, progress=False)
    (parts / 'pairs_00000.npz').unlink()
    assert synthesize(synthetic_config, parts, 5, shard_size=2, progress=False).num == 5
    assert digests(whole) == digests(parts)
    assert synthesize(synthetic_config, parts, 1, shard_size=2, progress=False).num == 5
    assert digests(whole) == digests(parts)


def test_the_pairs_are_those_of_the_generator(synthetic_config, generator, tmp_path):
    synthesize(synthetic_config, tmp_path / 's', 3, shard_size=2, progress=False)
    pair, expected = PairReader(tmp_path / 's')[2], generator.generate(2)
    np.testing.assert_array_equal(pair.mask, expected.mask)
    np.testing.assert_array_equal(pair.keypoints_cam, expected.keypoints_cam)


def test_seed_of_the_config_counts(synthetic_config):
    metas = [set_meta(synthetic_config | dict(seed=s), 4, s) for s in (0, 1)]
    assert metas[0].fingerprint != metas[1].fingerprint and 'seed' not in metas[0].generator


def test_another_configuration_in_the_folder(synthetic_config, tmp_path):
    synthesize(synthetic_config, tmp_path / 's', 1, progress=False)
    with pytest.raises(ValueError, match='another configuration'):
        synthesize(synthetic_config | dict(margin=1.5), tmp_path / 's', 1, progress=False)


def test_wrong_numbers_and_configs(synthetic_config, tmp_path):
    with pytest.raises(ValueError, match='num=0'):
        synthesize(synthetic_config, tmp_path / 's', 0)
    with pytest.raises(ValueError, match='seed=-1: expected at least 0'):
        synthesize(synthetic_config, tmp_path / 's', 1, seed=-1)
    with pytest.raises(ValueError, match='workers=-2: expected at least 0'):
        synthesize(synthetic_config, tmp_path / 's', 1, workers=-2)
    with pytest.raises(KeyError, match='NoSuchRenderer'):
        synthesize(synthetic_config | dict(renderer=dict(type='NoSuchRenderer')), tmp_path / 's', 1)
    assert not (tmp_path / 's').exists()


def test_a_full_disk_leaves_nothing_half_written(synthetic_config, tmp_path, monkeypatch):
    def full_disk(file, **arrays):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmxas.synthesis.shards.np.savez', full_disk)
    with pytest.raises(OSError, match='No space left'):
        synthesize(synthetic_config, tmp_path / 's', 2, progress=False)
    assert [p.name for p in (tmp_path / 's').iterdir()] == ['meta.json']


def test_a_dying_worker_ends_the_run_with_a_message(synthetic_config, tmp_path, monkeypatch):
    class Pool:
        def __init__(self, *_):
            pass

        def submit(self, *_):
            future = Future()
            future.set_exception(BrokenProcessPool('died'))
            return future

        def shutdown(self, cancel_futures):
            assert cancel_futures

    monkeypatch.setattr(sys.modules['mmxas.synthesis.synthesize'], 'ProcessPoolExecutor', Pool)
    with pytest.raises(RuntimeError, match='a rendering process died.*resumes'):
        synthesize(synthetic_config, tmp_path / 's', 2, workers=1, progress=False)


def test_configs_become_plain():
    assert plain(dict(a=(1, 2))) == dict(a=[1, 2])
    with pytest.raises(TypeError):
        plain(dict(a=lambda: 0))


def test_threads_are_restored():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_two_runs_that_need_the_same_pairs_take_turns(synthetic_config, tmp_path, capsys):
    root = tmp_path / 's'
    root.mkdir()
    (root / '.pairs_00000.npz.x.tmp').touch()  # what the other run is writing
    other = os.open(root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    thread = threading.Thread(target=synthesize, args=(synthetic_config, root, 1), kwargs=dict(progress=False))
    thread.start()
    deadline, said = time.monotonic() + 30, ''
    while 'another process renders into it; waiting' not in said and time.monotonic() < deadline:
        time.sleep(0.01)
        said += capsys.readouterr().err
    assert [path.name for path in root.iterdir()] == ['.pairs_00000.npz.x.tmp']
    os.close(other)
    thread.join(60)
    assert sorted(digests(root)) == ['meta.json', 'pairs_00000.npz']
