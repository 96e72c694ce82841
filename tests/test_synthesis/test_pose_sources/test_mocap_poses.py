import numpy as np
import pytest

from mmxas.synthesis.pose_sources.mocap_poses import MocapPoses


@pytest.fixture(scope='module')
def source():
    return MocapPoses(clips=['walk', 'run'])


def test_every_frame_once_before_any_twice(source):
    rows = [source.row(i) for i in range(2 * len(source))]
    assert sorted(rows[:len(source)]) == list(range(len(source))) == sorted(rows[len(source):])
    assert rows[:len(source)] != rows[len(source):]


def test_an_index_means_one_frame_whatever_the_randomness(source):
    one, other = (source.sample(1, np.random.default_rng(s), 7) for s in (0, 1))
    assert one.clip == other.clip and (one.pose == other.pose).all() and (one.betas != other.betas).any()
    batch = source.sample(3, np.random.default_rng(0), 5)
    assert (batch.pose[2] == one.pose[0]).all() and batch.frame[2] == one.frame[0]


def test_poses_come_from_the_named_clips(source):
    everything = MocapPoses()
    sample = source.sample(len(source), np.random.default_rng(0))
    assert set(sample.clip) == {'walk', 'run'} and sample.pose.shape == (len(source), 24, 3)
    place = sample.clip.index('run')
    number = everything.clip_names.index('run')
    row = np.flatnonzero((everything.clip == number) & (everything.frame == sample.frame[place]))
    np.testing.assert_array_equal(everything.pose[row[0]], sample.pose[place])
    assert len(everything) == 1620 and len(everything.clip_names) == 15


def test_shapes_are_truncated(source):
    betas = np.concatenate([source.sample(64, np.random.default_rng(s)).betas for s in range(20)])
    assert 1.8 < np.abs(betas).max() <= 2.0 and abs(betas.mean()) < 0.05


def test_unknown_clip_and_file():
    with pytest.raises(ValueError, match=r"no clip \['swim'\].*walk"):
        MocapPoses(clips=['walk', 'swim'])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        MocapPoses(file='nowhere')
