import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmxas.registry import POSE_SOURCES
from mmxas.synthesis import PairGenerator
from mmxas.synthesis.pose_sources import MixedPoses, MocapPoses, TruncatedGaussianPrior

WIDE = dict(type='TruncatedGaussianPrior', file='smpl_wide_pose_prior')
SEATED = dict(type='TruncatedGaussianPrior', file='smpl_seated_pose_prior')
WALK = dict(type='MocapPoses', clips=['walk'])


def drawn(source, count, seed=0):
    return [source.sample(1, np.random.default_rng([seed, i]), i) for i in range(count)]


def test_each_source_has_its_share_and_keeps_its_order():
    source = MixedPoses([WALK, WIDE], weights=[1, 3])
    samples = drawn(source, 2000)
    walks = [i for i, sample in enumerate(samples) if sample.clip == ('walk',)]
    assert abs(len(walks) / 2000 - 0.25) < 0.03
    alone = MocapPoses(clips=['walk'])
    for i in walks[:20]:
        np.testing.assert_array_equal(samples[i].pose[0, 1:], alone.pose[alone.row(i), 1:])
        assert samples[i].frame[0] == alone.frame[alone.row(i)]


def test_several_at_once_are_poses_of_consecutive_indices():
    source = MixedPoses([WALK, WIDE], weights=[1, 0])
    sample, alone = source.sample(3, np.random.default_rng(0), 5), MocapPoses(clips=['walk'])
    np.testing.assert_array_equal(sample.pose, alone.pose[[alone.row(i) for i in (5, 6, 7)]])
    assert sample.betas.shape == (3, 10) and sample.clip == ('walk',) * 3


def test_turned_bodies_point_anywhere():
    up = np.array([0.0, 1.0, 0.0])
    axes = {turned: np.array([Rotation.from_rotvec(sample.pose[0, 0]).apply(up)
                              for sample in drawn(MixedPoses([WALK], turned=turned), 600)])
            for turned in (0.0, 0.2, 1.0)}
    assert axes[0.0][:, 1].min() > 0.9  # a walking body is upright
    assert abs((axes[0.2][:, 1] < 0.9).mean() - 0.2 * 0.95) < 0.05  # 5 % of all directions are as upright
    assert np.abs(axes[1.0].mean(axis=0)).max() < 0.1 and abs((axes[1.0][:, 1] ** 2).mean() - 1 / 3) < 0.05


def test_the_same_randomness_gives_the_same_pose():
    one, other = (drawn(MixedPoses([WALK, WIDE], turned=0.5), 20, seed=3) for _ in range(2))
    assert all((a.pose == b.pose).all() and (a.betas == b.betas).all() for a, b in zip(one, other, strict=True))


def test_the_fingerprint_sees_files_and_versions_of_the_sources():
    source = MixedPoses([WALK, WIDE])
    assert [path.name for path in source.data_files] == ['mocap_poses.npz', 'smpl_wide_pose_prior.json']
    assert source.version == 1 + TruncatedGaussianPrior.version


def test_seated_bodies_bend_hips_and_knees():
    pose = POSE_SOURCES.build(SEATED).sample(500, np.random.default_rng(0)).pose
    names = POSE_SOURCES.build(SEATED).joint_names
    for side in ('left', 'right'):
        hip, knee = (np.rad2deg(pose[:, names.index(f'{side}_{joint}'), 0]) for joint in ('hip', 'knee'))
        assert hip.max() < -39 and -95 < hip.mean() < -75 and knee.min() > -1 and 65 < knee.mean() < 90


def test_arms_are_raised_one_by_one():
    """A wrist is above its shoulder in half of the arms, and in a quarter of the other prior's."""
    above = {}
    for name in ('wide', 'raised_arms'):
        generator = PairGenerator(dict(type='SMPLBodyModel', model_path='free', gender='neutral'),
                                  dict(type='TruncatedGaussianPrior', file=f'smpl_{name}_pose_prior'),
                                  skeleton='h36m18')
        keypoints, names = generator.body_keypoints(range(400))[0], list(generator.skeleton.keypoints)
        wrists, shoulders = ([names.index(f'{side}_{joint}') for side in ('left', 'right')]
                             for joint in ('wrist', 'shoulder'))
        above[name] = keypoints[:, wrists, 1] > keypoints[:, shoulders, 1]  # y up
    assert above['wide'].mean() < 0.3 and 0.4 < above['raised_arms'].mean() < 0.6
    assert 0.3 < (above['raised_arms'].sum(axis=1) == 1).mean() < 0.6


def test_motions_from_videos_are_upright_with_y_up():
    source = MocapPoses(file='video_poses')
    up = Rotation.from_rotvec(source.pose[:, 0]).apply([0.0, 1.0, 0.0])
    assert len(source) == 3725 and len(source.clip_names) == 51
    assert (up[:, 1] > 0.7).mean() > 0.95


@pytest.mark.parametrize(('options', 'message'), [
    (dict(sources=[]), 'sources is empty'),
    (dict(sources=[WALK], weights=[1, 2]), r'weights=\[1, 2\], expected 1 numbers'),
    (dict(sources=[WALK], weights=[-1]), 'expected 1 numbers >= 0'),
    (dict(sources=[WALK], turned=1.5), 'turned=1.5, expected a share'),
    (dict(sources=[WALK, dict(type='TruncatedGaussianPrior', file='projects/animal/data/dog_pose_prior.json')]),
     r'sources of \[24, 35\] joints'),
])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        MixedPoses(**options)
