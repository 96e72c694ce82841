import json

import numpy as np
import pytest
from scipy.stats import truncnorm

from mmxas.synthesis.pose_sources.truncated_gaussian import DATA_DIR, TruncatedGaussianPrior, read_prior_file


@pytest.fixture(scope='module')
def drawn():
    prior = TruncatedGaussianPrior()
    return prior, prior.sample(40_000, np.random.default_rng(1))


def axis(prior, sample, joint, letter):
    """Values in degrees of one axis where it is not at rest."""
    values = sample.pose[:, prior.joint_names.index(joint), 'xyz'.index(letter)]
    return np.rad2deg(values[values != 0])


def test_shapes_and_types(drawn):
    _, sample = drawn
    assert sample.pose.shape == (40_000, 24, 3) and sample.pose.dtype == np.float32
    assert sample.betas.shape == (40_000, 10) and np.abs(sample.betas).max() <= 1.5
    np.testing.assert_allclose(sample.betas.std(), truncnorm(-1.96, 1.96, scale=1.5 / 1.96).std(), rtol=0.01)
    assert set(sample.clip) == {''} and (sample.frame == -1).all()


def test_each_axis_rests_with_its_joints_probability():
    """C.1, over 10^5 poses: 0.4 per axis, and axes rest independently, so that 0.064 of all shoulders rest whole."""
    prior = TruncatedGaussianPrior()
    at_rest = prior.sample(100_000, np.random.default_rng(2)).pose == 0
    # A side of width 0 stays at 0, too.
    still = sum(0.5 * ((side == prior.mean) & (prior.mean == 0)) for side in (prior.low, prior.high))
    np.testing.assert_allclose(at_rest.mean(0), prior.rest[:, None] + (1 - prior.rest[:, None]) * still, atol=0.01)
    shoulder = at_rest[:, prior.joint_names.index('left_shoulder')]
    np.testing.assert_allclose(shoulder.all(1).mean(), 0.4**3, atol=0.005)
    np.testing.assert_allclose(np.corrcoef(shoulder.T) - np.eye(3), 0.0, atol=0.015)


def test_every_axis_stays_in_its_limits(drawn):
    prior, sample = drawn
    moving = sample.pose != 0
    assert (~moving | ((sample.pose >= prior.low - 1e-6) & (sample.pose <= prior.high + 1e-6))).all()


def test_sides_have_equal_chance_and_their_own_width(drawn):
    x = axis(*drawn, 'left_hip', 'x')
    np.testing.assert_allclose((x > 0).mean(), 0.5, atol=0.01)
    np.testing.assert_allclose(x[x > 0].mean(), truncnorm(0, 1.96, scale=45 / 1.96).mean(), rtol=0.02)
    np.testing.assert_allclose(x[x < 0].mean(), -truncnorm(0, 1.96, scale=60 / 1.96).mean(), rtol=0.02)


def test_a_mean_moves_the_whole_distribution(drawn):
    z = axis(*drawn, 'left_shoulder', 'z')
    np.testing.assert_allclose(np.median(z), -60, atol=1.0)
    assert z.min() >= -90 - 1e-3 and 60 < z.max() <= 90 + 1e-3


def test_shapes_vary_around_their_mean(tmp_path):
    path = tmp_path / 'prior.json'
    path.write_text(json.dumps(dict(joints=['a'], limits={}, shape=dict(width=2, components=3, mean=[1.5, -1]))))
    betas = TruncatedGaussianPrior(str(path)).sample(40_000, np.random.default_rng(3)).betas
    np.testing.assert_allclose(betas.mean(0), [1.5, -1, 0], atol=0.02)
    assert (np.abs(betas - [1.5, -1, 0]) <= 2 + 1e-6).all()


def test_left_and_right_mirror_each_other(drawn):
    for joint in ('hip', 'knee', 'shoulder', 'elbow'):
        for letter, sign in (('x', 1), ('y', -1), ('z', -1)):
            left, right = (axis(*drawn, f'{side}_{joint}', letter) for side in ('left', 'right'))
            quantiles = np.linspace(0.02, 0.98, 25)
            np.testing.assert_allclose(np.quantile(left, quantiles), np.quantile(sign * right, quantiles), atol=2.5)


def test_parity_pose_prior(parity_dir):
    """Limits and rest probabilities of the released code, joint by joint."""
    path = parity_dir.parent / 'pose_prior_released.json'
    if not path.is_file():
        pytest.skip(f'no {path}')
    released, prior = json.loads(path.read_text()), read_prior_file('smpl_pose_prior')
    assert released['shape'] == dict(width=prior['shape_width'], components=len(prior['mean_betas']))
    assert len(released['joints']) == 24 - sum(prior['rest'] == 1)
    for name, joint in released['joints'].items():
        j = prior['joints'].index(name)
        assert joint['rest_probability'] == prior['rest'][j], name
        mean, up, down = ([axis[key] for axis in joint['axes']] for key in ('mean', 'positive', 'negative'))
        np.testing.assert_allclose(np.rad2deg([prior['mean'][j], prior['high'][j] - prior['mean'][j],
                                               prior['mean'][j] - prior['low'][j]]), [mean, up, down], atol=1e-9)


@pytest.mark.parametrize('file', ['smpl_pose_prior', 'smpl_wide_pose_prior'])
def test_shipped_limits_mirror(file):
    prior = read_prior_file(file)
    names = prior['joints']
    pairs = [(names.index(name), names.index(name.replace('left_', 'right_'))) for name in names if 'left_' in name]
    assert len(pairs) == 9
    for left, right in pairs:
        assert prior['rest'][left] == prior['rest'][right]
        np.testing.assert_array_equal(prior['low'][left] * [1, -1, -1],
                                      np.where([True, False, False], prior['low'][right], prior['high'][right]))
        np.testing.assert_array_equal(prior['mean'][left], prior['mean'][right] * [1, -1, -1])


def test_the_wide_prior_reaches_further_than_the_papers():
    paper, wide = (read_prior_file(file) for file in ('smpl_pose_prior', 'smpl_wide_pose_prior'))
    joint = paper['joints'].index
    for name, axis, more in (('left_knee', 0, 60), ('left_hip', 0, 45), ('pelvis', 0, 45), ('left_elbow', 1, 20)):
        widths = [np.rad2deg(p['high'] - p['low'])[joint(name), axis] for p in (paper, wide)]
        np.testing.assert_allclose(widths[1] - widths[0], more, err_msg=name)


def test_reproducible_from_the_seed():
    prior = TruncatedGaussianPrior()
    first, again, other = (prior.sample(5, np.random.default_rng(s)).pose for s in (3, 3, 4))
    assert (first == again).all() and (first != other).any()


def test_clip_mode_reaches_the_limits():
    prior = TruncatedGaussianPrior(mode='clip')
    x = axis(prior, prior.sample(20_000, np.random.default_rng(0)), 'left_knee', 'x')
    np.testing.assert_allclose((x > 70 - 1e-3).mean(), 0.05, atol=0.004)  # the other side has width 0


def test_the_file_holds_the_numbers_of_the_paper():
    prior = read_prior_file('smpl_pose_prior')
    knee = prior['joints'].index('right_knee')
    np.testing.assert_allclose(np.rad2deg(prior['high'][knee]), [70, 20, 10])
    np.testing.assert_allclose(np.rad2deg(prior['low'][knee]), [0, -20, -10])


@pytest.mark.parametrize('change, message', [
    (dict(x=[10, 5, 20]), r'left_knee\.x = \[10, 5, 20\].*low <= mean <= high'),
    (dict(rest=1.5), r'left_knee\.rest = 1\.5'),
    (dict(rest='often'), r"left_knee\.rest = 'often', expected a probability"),
    (dict(Rest=0.5), r"prior.json: left_knee has \['Rest', 'rest', 'x', 'y', 'z'\], expected x, y, z, and rest or not"),
    (dict(x=[0, 0]), r'prior.json: left_knee\.x = \[0, 0\], expected \[low, mean, high\]'),
    (dict(y=['a', 0, 0]), r"left_knee\.y = \['a', 0, 0\], expected"),
    (dict(z=0), r'left_knee\.z = 0, expected'),
    (dict(z=[0, 0, float('inf')]), r'left_knee\.z = \[0, 0, inf\], expected'),
])
def test_wrong_numbers_are_named(tmp_path, change, message):
    content = json.loads((DATA_DIR / 'smpl_pose_prior.json').read_text())
    content['limits']['left_knee'] |= change
    path = tmp_path / 'prior.json'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        TruncatedGaussianPrior(file=str(path))


@pytest.mark.parametrize(('change', 'message'), [
    (dict(shape=None), 'prior.json: an object with joints, limits, shape expected; shape missing'),
    (dict(shape=[1, 2]), r'prior.json: shape = \[1, 2\], expected'),
    (dict(shape=dict(width=1)), "prior.json: shape = {'width': 1}, expected"),
    (dict(shape=dict(width=1, components=-3)), r'prior.json: shape\.components = -3, expected a whole number'),
    (dict(shape=dict(width=1, components=2.5)), r'shape\.components = 2\.5'),
    (dict(shape=dict(width='wide', components=2)), r"shape\.width = 'wide', expected a number"),
    (dict(shape=dict(width=1, components=1, mean=[1, 2])), r'shape\.mean = \[1, 2\], expected a list of at most 1'),
    (dict(shape=dict(width=1, components=1, means=[1])), r'shape = .*means.*, expected'),
    (dict(shape=dict(width=1, components=1, mean=[None])), r'shape\.mean = \[None\], expected a list'),
    (dict(limits=[]), r'prior.json: limits = \[\], expected an object'),
    (dict(limits=dict(a=dict(x=[0, 0, 0], z=[0, 0, 0]))), r"prior.json: a has \['x', 'z'\], expected x, y, z"),
    (dict(limits=dict(a=[1])), r'prior.json: a has \[1\], expected x, y, z')])
def test_files_of_another_form_are_named(tmp_path, change, message):
    content = dict(joints=['a'], limits={}, shape=dict(width=1, components=1)) | change
    path = tmp_path / 'prior.json'
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(ValueError, match=message):
        read_prior_file(path)


def test_unknown_joint_and_file_are_named(tmp_path):
    path = tmp_path / 'prior.json'
    path.write_text(json.dumps(dict(joints=['a'], limits=dict(b={}), shape=dict(width=1, components=1))))
    with pytest.raises(ValueError, match="the joint 'b'"):
        read_prior_file(path)
    with pytest.raises(FileNotFoundError, match='smpl_pose_prior'):
        read_prior_file('nowhere')


def test_unknown_mode():
    with pytest.raises(ValueError, match='wrap'):
        TruncatedGaussianPrior(mode='wrap')
