"""The dog's prior and motions: anatomy, mirror images, and how far one lies from the other."""
import json
from pathlib import Path

import numpy as np
import pytest

from mmxas.evaluation.pose_set_distance import nearest_pose_distance
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_sources import MocapPoses, TruncatedGaussianPrior

ROOT = Path(__file__).parents[3]

DATA = 'projects/animal/data/'
PRIORS = ('dog', 'dog_breeds', 'dog_standing', 'dog_seated', 'dog_lying')
SPLITS = json.loads((ROOT / DATA / 'dog_motion_splits.json').read_text())
# Degrees about y from dog.xml of dm_control: shoulder and shoulder blade together, three vertebrae a tail joint.
ANATOMY = {
    'LegBack1': (-130, 60), 'LegBack2': (-10, 120), 'LegBack3': (-100, 20), 'FootBack': (-15, 70), 'Leg1': (-70, 90),
    'Leg2': (-100, 30), 'Leg3': (-10, 110), 'Foot': (-15, 100), 'Neck': (-61.25, 61.25), 'Mouth': (-15, 20),
    **{f'Tail{number}': (-45, 45) for number in range(1, 8)},
}


@pytest.fixture(scope='module')
def prior():
    return TruncatedGaussianPrior(f'{DATA}dog_pose_prior.json')


@pytest.fixture(scope='module')
def breeds():
    return TruncatedGaussianPrior(f'{DATA}dog_breeds_pose_prior.json')


def generator(pose_source: dict, seed: int) -> PairGenerator:
    body = dict(type='SMALBodyModel', keypoints=f'{DATA}dog_keypoints.json')
    return PairGenerator(body, pose_source, skeleton=f'{DATA}dog26.json', seed=seed, image_size=48)


@pytest.mark.parametrize('name', PRIORS)
def test_the_prior_is_about_the_dogs_joints(name, dog):
    prior = TruncatedGaussianPrior(f'{DATA}{name}_pose_prior.json')
    assert prior.joint_names == dog.joint_names and len(prior.mean_betas) == dog.num_betas
    sample = prior.sample(500, np.random.default_rng(0))
    at_rest = (sample.pose == 0) & (prior.rest[:, None] > 0)
    assert (at_rest | (sample.pose >= prior.low - 1e-6) & (sample.pose <= prior.high + 1e-6)).all()
    assert sample.pose.std((0, 2)).min() > 0.005, 'every joint moves'


def test_limits_lie_inside_the_anatomy(prior):
    for stem, (low, high) in ANATOMY.items():
        for name in (stem, f'L{stem}', f'R{stem}'):
            if name in prior.joint_names:
                joint = prior.joint_names.index(name)
                assert np.rad2deg(prior.low[joint, 1]) >= low and np.rad2deg(prior.high[joint, 1]) <= high, name


@pytest.mark.parametrize('name', PRIORS)
def test_the_prior_is_its_own_mirror_image(name):
    prior = TruncatedGaussianPrior(f'{DATA}{name}_pose_prior.json')
    from dog_building.dog_rig import TWINS
    flip = np.array([-1, 1, -1])
    for values, mirrored in ((prior.low, prior.high), (prior.mean, prior.mean)):
        both = np.where(flip < 0, mirrored[list(TWINS)] * flip, values[list(TWINS)])
        np.testing.assert_allclose(both, values, atol=1e-9)
    np.testing.assert_array_equal(prior.rest[list(TWINS)], prior.rest)


def test_most_ears_of_breeds_hang_and_shapes_differ_from_the_bodys(prior, breeds, dog):
    ear = dog.joint_names.index('LEar')
    angle = np.rad2deg(breeds.sample(2000, np.random.default_rng(0)).pose[:, ear, 0])
    assert 0.6 < (angle < -90).mean() < 0.8 and 0.08 < (angle > -30).mean() < 0.2
    shapes, usual = (one.sample(2000, np.random.default_rng(1)).betas for one in (breeds, prior))
    assert (shapes - shapes.mean(0)).std() / usual.std() == pytest.approx(1.6, rel=0.03)
    mean = dict(zip(dog.beta_names, shapes.mean(0), strict=True))
    assert mean['ear_size'] > 2.8 and mean['coat'] > 1.8 and mean['neck_length'] < -1 and abs(mean['size']) < 0.2


def test_postures_of_photos_stand_sit_and_lie():
    """By mean heights in mm: of the withers over the tail's start, and of both over the paws below them."""
    found = []
    for posture in ('standing', 'seated', 'lying'):
        maker = generator(dict(type='TruncatedGaussianPrior', file=f'{DATA}dog_{posture}_pose_prior.json'), 0)
        names = maker.skeleton.keypoints
        height = dict(zip(names, maker.body_keypoints(range(200))[0][..., 1].mean(0), strict=True))
        found.append([height['withers'] - height['tail_start'], height['withers'] - height['left_front_paw'],
                      height['tail_start'] - height['left_rear_paw']])
    np.testing.assert_allclose(found, [[60, 517, 425], [268, 500, 258], [107, 293, 208]], atol=40)


def test_limits_in_the_wrong_order_are_refused(tmp_path):
    content = json.loads((ROOT / DATA / 'dog_pose_prior.json').read_text())
    content['limits']['LLeg1']['y'] = [40, 0, -60]
    (tmp_path / 'prior.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'LLeg1\.y = \[40, 0, -60\], expected .*low <= mean <= high'):
        TruncatedGaussianPrior(str(tmp_path / 'prior.json'))


def test_motions_are_read_as_recorded_poses_are(motions):
    poses = MocapPoses(f'{DATA}dog_motions.npz', clips=['gallop', 'lie'], num_betas=13)
    sample = poses.sample(3, np.random.default_rng(0), index=0)
    assert sample.pose.shape == (3, 35, 3) and set(sample.clip) <= {'gallop', 'lie'} and sample.betas.shape == (3, 13)
    assert len(poses) == np.isin(motions['clip_names'][motions['clip']], ['gallop', 'lie']).sum()
    assert set(motions['clip_names']) == {clip for clips in SPLITS.values() for clip in clips}
    assert sum(map(len, SPLITS.values())) == len(motions['clip_names']), 'no clip in two splits'
    assert np.bincount(motions['clip']).min() >= 100 and np.isfinite(motions['pose']).all() and motions['fps'] > 0


def test_motions_are_anatomical(motions, dog):
    degrees = np.rad2deg(motions['pose'].astype(float))[..., 1]
    for stem, (low, high) in ANATOMY.items():
        for name in (stem, f'L{stem}', f'R{stem}'):
            if name in dog.joint_names:
                angle = degrees[:, dog.joint_names.index(name)]
                assert ((angle > low - 15) & (angle < high + 15)).all(), (name, angle.min(), angle.max())


def test_held_out_motions_lie_outside_the_synthetic_set():
    """By the yaw-aligned distance to the nearest of 2000 poses; the set against itself is the measure."""
    reference = generator(dict(type='TruncatedGaussianPrior', file=f'{DATA}dog_pose_prior.json'), 0)
    drawn, _ = reference.body_keypoints(range(2000))
    held_out = generator(dict(type='MocapPoses', file=f'{DATA}dog_motions.npz', clips=SPLITS['test'], num_betas=13), 3)
    poses, clips = held_out.body_keypoints(range(len(held_out.pose_source)))
    itself = nearest_pose_distance(drawn, drawn, exclude='same_index').mean()
    distance = nearest_pose_distance(poses, drawn)
    assert 1.15 < distance.mean() / itself < 1.6
    for clip in SPLITS['test']:
        assert distance[clips == clip].mean() / itself > 1.15, clip


@pytest.mark.parametrize('source', [
    dict(type='TruncatedGaussianPrior', file=f'{DATA}dog_pose_prior.json'),
    dict(type='MocapPoses', file=f'{DATA}dog_motions.npz', num_betas=13)], ids=['prior', 'motions'])
def test_pairs_show_an_upright_dog_whose_keypoints_lie_on_it(source):
    maker = generator(source, 5)
    near = []
    for index in range(6):
        pair = maker.generate(index)
        pixels = pair.keypoints_cam @ pair.K.T
        pixels = np.round(pixels[:, :2] / pixels[:, 2:]).astype(int)
        rows, cols = np.nonzero(pair.mask)
        distance = np.hypot(rows - pixels[:, 1:], cols - pixels[:, :1]).min(1)
        near.append(distance <= 2)
        names = maker.skeleton.keypoints
        paws = pair.keypoints_cam[[names.index(f'{side}_front_paw') for side in ('left', 'right')], 1].max()
        assert paws > pair.keypoints_cam[names.index('withers'), 1], 'y points down'
    assert np.mean(near) > 0.97
