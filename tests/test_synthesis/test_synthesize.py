import fcntl
import hashlib
import importlib
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from mmxas.processes import ProcessError
from mmxas.registry import POSE_SOURCES
from mmxas.synthesis import PairReader
from mmxas.synthesis.parts import Part
from mmxas.synthesis.renderers import EmbreeRenderer
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


def test_a_named_skeleton_is_the_one_that_sets_had_before(synthetic_config):
    """Sets that were rendered when 'h36m18' went without saying are not rendered again."""
    before = {key: value for key, value in synthetic_config.items() if key != 'skeleton'}
    now, other = set_meta(synthetic_config, 4, 0), set_meta(synthetic_config | dict(skeleton='x.json'), 4, 0)
    assert set_meta(before, 4, 0).fingerprint == now.fingerprint != other.fingerprint
    assert now.generator['skeleton'] == 'h36m18', 'the processes that render need it'


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


USERS_PARTS = """
import os
import signal

from mmxas.registry import POSE_SOURCES
from mmxas.synthesis.pose_sources import TruncatedGaussianPrior


@POSE_SOURCES.register_module()
class UsersPoses(TruncatedGaussianPrior):
    def __init__(self, fails_at=None, dies_at=None):
        super().__init__()
        self.fails_at, self.dies_at = fails_at, dies_at

    def sample(self, num, rng, index=0):
        if index == self.fails_at:
            raise ValueError(f'no pose for pair {index}')
        if index == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().sample(num, rng, index)
"""


@pytest.fixture
def users_poses(tmp_path, monkeypatch):
    """A pose source of a project, which mmxas does not import."""
    (tmp_path / 'users_parts.py').write_text(USERS_PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module('users_parts')
    yield dict(type='UsersPoses')
    del POSE_SOURCES.module_dict['UsersPoses'], sys.modules['users_parts']


def test_workers_know_the_components_of_a_project(synthetic_config, users_poses, tmp_path):
    config = synthetic_config | dict(pose_source=users_poses)
    for workers in (0, 2):
        synthesize(config, tmp_path / str(workers), 3, workers, shard_size=1, progress=False)
    assert digests(tmp_path / '0') == digests(tmp_path / '2') and len(digests(tmp_path / '2')) == 4


def test_the_error_of_a_worker_is_shown(synthetic_config, users_poses, tmp_path):
    config = synthetic_config | dict(pose_source=users_poses | dict(fails_at=2))
    with pytest.raises(ValueError, match='no pose for pair 2'):
        synthesize(config, tmp_path / 's', 4, 1, shard_size=1, progress=False)
    assert 'pairs_00001.npz' in digests(tmp_path / 's')


def test_a_dying_worker_ends_the_run_with_a_message(synthetic_config, users_poses, tmp_path):
    config = synthetic_config | dict(pose_source=users_poses | dict(dies_at=2))
    with pytest.raises(ProcessError, match='s: a process was killed .*whole shards are kept, .* same command resumes'):
        synthesize(config, tmp_path / 's', 4, 1, shard_size=1, progress=False)


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


@pytest.mark.slow
def test_a_worker_that_runs_the_script_again_says_so_instead_of_waiting_for_its_parent(synthetic_config, tmp_path):
    script = tmp_path / 'unguarded.py'
    script.write_text(f"""
import mmxas
from mmxas.synthesis.synthesize import synthesize
synthesize({plain(synthetic_config)!r}, {str(tmp_path / 'set')!r}, 2, workers=1, shard_size=2)
""")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 1 and "put its work under `if __name__ == '__main__':`" in run.stderr
    assert not list((tmp_path / 'set').glob('pairs_*'))


def test_parts_render_into_a_folder_together_and_a_whole_run_waits(synthetic_config, tmp_path):
    root = tmp_path / 's'
    root.mkdir()
    (root / '.pairs_00003.npz.x.tmp').touch()  # what another part is writing
    other = os.open(root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    synthesize(synthetic_config, root, 4, shard_size=1, progress=False, part=Part(1, 2))
    assert sorted(digests(root)) == ['.pairs_00003.npz.x.tmp', 'meta.json', 'pairs_00000.npz', 'pairs_00002.npz']
    thread = threading.Thread(target=synthesize, args=(synthetic_config, root, 4),
                              kwargs=dict(progress=False, shard_size=1))
    thread.start()
    thread.join(0.5)
    assert thread.is_alive() and len(digests(root)) == 4
    os.close(other)
    thread.join(60)
    assert sorted(digests(root)) == ['meta.json', *(f'pairs_0000{i}.npz' for i in range(4))]


def test_a_gpu_is_used_by_one_process(synthetic_config, tmp_path, monkeypatch):
    monkeypatch.setattr(EmbreeRenderer, 'on_gpu', True)
    module = importlib.import_module('mmxas.synthesis.synthesize')  # beside the function of that name
    monkeypatch.setattr(module, '_render_parallel', lambda *_: pytest.fail('several processes'))
    assert synthesize(synthetic_config, tmp_path, 2, workers=2, progress=False).num == 2
