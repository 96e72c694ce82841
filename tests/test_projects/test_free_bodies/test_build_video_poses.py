from pathlib import Path

import numpy as np
import pytest

SHIPPED = Path(__file__).parents[3] / 'mmxas/synthesis/data/video_poses.npz'


@pytest.fixture
def tool():
    import build_video_poses
    return build_video_poses


def test_every_second_frame_of_each_clip_with_y_up(tool, tmp_path, monkeypatch):
    source, out = tmp_path / 'motions.npz', tmp_path / 'poses.npz'
    poses = np.zeros((5, 72), np.float32)
    poses[:, 0] = np.pi / 2  # y of the body along z of the world: upright
    poses[:, 3] = [0.0, 0.1, 0.2, 0.3, 0.4]
    np.savez(source, poses=poses, names=np.array(['kick_filter', 'walk']), starts=np.array([0, 3]))
    monkeypatch.setattr('sys.argv', ['build_video_poses.py', str(source), '--out', str(out)])
    tool.main()
    with np.load(out) as written:
        assert written['clip_names'].tolist() == ['kick', 'walk']
        assert written['clip'].tolist() == [0, 0, 1] and written['frame'].tolist() == [0, 2, 0]
        np.testing.assert_allclose(written['pose'][:, 1, 0], [0.0, 0.2, 0.3])
        np.testing.assert_allclose(written['pose'][:, 0], 0, atol=1e-6)
        assert 'MIT' in str(written['license']) and 'videos' in str(written['notice'])


def test_the_shipped_motions():
    with np.load(SHIPPED, allow_pickle=False) as poses:
        assert poses['pose'].dtype == np.float32 and np.isfinite(poses['pose']).all()
        assert np.linalg.norm(poses['pose'], axis=2).max() <= np.pi + 1e-6
        squat = poses['pose'][poses['clip'] == poses['clip_names'].tolist().index('squat_level3')]
    assert squat[:, [4, 5], 0].max() > 2.0, 'knees bend'
