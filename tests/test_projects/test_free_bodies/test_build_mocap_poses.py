import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

SHIPPED = Path(__file__).parents[3] / 'mmxas/synthesis/data/mocap_poses.npz'


@pytest.fixture
def tool():
    import build_mocap_poses
    return build_mocap_poses


@pytest.fixture
def wheel(tmp_path):
    """A wheel with two clips and a file that is none."""
    path = tmp_path / 'pybullet.whl'
    frames = np.zeros((3, 44))
    frames[:, [4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1
    frames[:, 0] = 0.02
    with zipfile.ZipFile(path, 'w') as archive:
        for name, count in (('run', 3), ('jump', 2)):
            clip = json.dumps({'Loop': 'wrap', 'Frames': frames[:count].tolist()})
            archive.writestr(f'pybullet_data/data/motions/humanoid3d_{name}.txt', clip)
        archive.writestr('pybullet_data/data/motions/laikago_walk.txt', 'x')
    return path


def test_clips_follow_each_other(tool, wheel, tmp_path, monkeypatch):
    out = tmp_path / 'poses.npz'
    monkeypatch.setattr('sys.argv', ['build_mocap_poses.py', str(wheel), '--out', str(out)])
    tool.main()
    with np.load(out) as poses:
        assert poses['clip_names'].tolist() == ['jump', 'run'] and poses['clip'].tolist() == [0, 0, 1, 1, 1]
        assert poses['frame'].tolist() == [0, 1, 0, 1, 2] and poses['pose'].shape == (5, 24, 3)
        np.testing.assert_allclose(poses['dt'], 0.02)
        assert 'zlib' in str(poses['license'])


def test_a_source_without_clips_is_named(tool, tmp_path, monkeypatch):
    monkeypatch.setattr('sys.argv', ['build_mocap_poses.py', str(tmp_path), '--out', str(tmp_path / 'x.npz')])
    with pytest.raises(SystemExit, match='no file like .*humanoid3d'):
        tool.main()
    assert not (tmp_path / 'x.npz').exists()


def test_the_shipped_clips():
    with np.load(SHIPPED, allow_pickle=False) as poses:
        assert len(poses['clip_names']) == 15 and poses['pose'].shape == (1620, 24, 3)
        upright = {'walk', 'jump', 'punch', 'spin', 'spinkick', 'dance_a', 'kick', 'run', 'dance_b'}
        assert upright < set(poses['clip_names'])
        assert poses['pose'].dtype == np.float32 and np.isfinite(poses['pose']).all()
        assert np.linalg.norm(poses['pose'], axis=2).max() <= np.pi + 1e-6
        walk = poses['pose'][poses['clip'] == poses['clip_names'].tolist().index('walk')]
    assert len(walk) == 39
    assert (walk[:, [4, 5], 0] >= 0).all() and walk[:, [4, 5], 0].max() > 0.8, 'knees bend backwards'
    assert np.corrcoef(walk[:, 1, 0], walk[:, 2, 0])[0, 1] < -0.5, 'legs swing in turn'
    assert (walk[:, 16, 2] < -0.8).all() and (walk[:, 17, 2] > 0.8).all(), 'arms hang'
