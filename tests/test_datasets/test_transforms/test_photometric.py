import numpy as np
import pytest

from mmxas.datasets.transforms import RandomBackground, RandomOccluder, RandomPhotometric, RemoveBackground
from mmxas.datasets.transforms.photometric import colour_matrix

OFF = dict(brightness=0, contrast=(1, 1), saturation=(1, 1), hue=0, channel_gain=0, gamma=1, grey_prob=0, blur_prob=0,
           low_resolution_prob=0, noise_prob=0)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(30, 226, (64, 64, 3), dtype=np.uint8)


def test_colour_matrix():
    neutral = colour_matrix(1, 0, 1, 0, np.ones(3), 128)
    assert np.allclose(neutral, np.eye(3, 4))
    grey = colour_matrix(0, 0.4, 1, 0, np.ones(3), 128)[:, :3] @ [10, 100, 200]
    assert np.allclose(grey, grey[0])
    third = colour_matrix(1, 2 * np.pi / 3, 1, 0, np.ones(3), 128)[:, :3]
    assert np.allclose(np.abs(third @ [1, 0, 0]).round(6).max(), 1)
    assert np.allclose(third @ np.ones(3), 1)
    contrast = colour_matrix(1, 0, 0.5, 10, np.ones(3), 100)
    assert np.allclose(contrast @ [100, 100, 100, 1], 110) and np.allclose(contrast @ [0, 0, 0, 1], 60)


def test_everything_off_is_the_identity(image):
    np.random.seed(0)
    assert (RandomPhotometric(**OFF)(dict(img=image.copy()))['img'] == image).all()


@pytest.mark.parametrize('change', [
    dict(brightness=60), dict(contrast=(0.5, 0.5)), dict(saturation=(0.2, 0.2)), dict(hue=40), dict(gamma=1.5),
    dict(channel_gain=0.3), dict(grey_prob=1), dict(blur_prob=1), dict(low_resolution_prob=1),
    dict(noise_prob=1, noise=40), dict(jpeg_prob=1)])
def test_each_change_changes_something_and_follows_the_seed(image, change):
    transform = RandomPhotometric(**{**OFF, **change})
    outcomes = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        outcomes.append(transform(dict(img=image.copy()))['img'])
    first, again, other = outcomes
    assert first.dtype == np.uint8 and first.shape == image.shape
    assert (first == again).all() and (first != image).any()
    if set(change) & {'brightness', 'hue', 'gamma', 'channel_gain', 'noise_prob'}:
        assert (first != other).any()


def test_grey_blur_and_noise_do_what_they_say(image):
    np.random.seed(0)
    grey = RandomPhotometric(**{**OFF, 'grey_prob': 1})(dict(img=image))['img'].astype(int)
    assert np.ptp(grey, axis=-1).max() <= 1
    blurred = RandomPhotometric(**{**OFF, 'blur_prob': 1})(dict(img=image))['img']
    assert blurred.std() < 0.9 * image.std()
    noisy = RandomPhotometric(**{**OFF, 'noise_prob': 1, 'noise': 30})(dict(img=image))['img'].astype(int)
    difference = noisy - image
    assert abs(difference.mean()) < 0.5 and 0 < np.abs(difference).max() <= 31


def test_a_lower_jpeg_quality_loses_more_and_none_draws_nothing(image):
    image, loss = np.repeat(image[..., :1], 3, axis=-1), {}
    for quality in (20, 90):
        np.random.seed(0)
        coded = RandomPhotometric(**{**OFF, 'jpeg_prob': 1, 'jpeg_quality': (quality, quality)})(dict(img=image))['img']
        loss[quality] = np.abs(coded.astype(int) - image).mean()
    assert loss[20] > 2 * loss[90] > 1
    states = []
    for change in ({}, {'jpeg_quality': (5, 10)}):
        np.random.seed(0)
        RandomPhotometric(**OFF, **change)(dict(img=image))
        states.append(np.random.rand())
    np.random.seed(0)
    np.random.rand(12)  # grey, four of colour, three gains, gamma, three more probabilities: as before
    assert states[0] == states[1] == np.random.rand()


def test_occluders_cover_a_part(image):
    np.random.seed(0)
    transform = RandomOccluder(prob=1.0, max_num=1, size=(0.2, 0.3))
    shares = []
    for _ in range(30):
        original = image.copy()
        covered = transform(dict(img=original))['img']
        assert (original == image).all()
        shares.append((covered != image).any(-1).mean())
    assert min(shares) > 0.01 and max(shares) < 0.13
    assert RandomOccluder(prob=0.0)(dict(img=image))['img'] is image
    with pytest.raises(ValueError, match='size'):
        RandomOccluder(size=(0.5, 1.0))


def test_background_changes_behind_the_mask_only(image):
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    changed = 0
    for seed in range(12):
        np.random.seed(seed)
        out = RandomBackground(prob=1.0)(dict(img=image.copy(), mask=mask))['img']
        assert np.abs(out[16:48, 16:48].astype(int) - image[16:48, 16:48]).max() <= 1
        changed += (out[:16] != image[:16]).mean() > 0.3
    assert changed >= 10
    assert RandomBackground(prob=1.0)(dict(img=image))['img'] is image


def test_background_is_removed(image):
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1
    out = RemoveBackground()(dict(img=image, mask=mask))['img']
    assert out[:, :32].max() == 0 and (out[:, 32:] == image[:, 32:]).all()
    assert (RemoveBackground(colour=(1, 2, 3))(dict(img=image, mask=mask))['img'][:, :32] == [1, 2, 3]).all()
    assert RemoveBackground()(dict(img=image))['img'] is image


def test_a_removed_background_is_said_with_the_masks_that_did_it(image):
    mask = np.ones((64, 64), np.float32)
    assert RemoveBackground()(dict(img=image, mask=mask))['background'] == 'removed by masks of the data set'
    segmented = RemoveBackground()(dict(img=image, mask=mask, mask_source='GrabCutSegmenter'))
    assert segmented['background'] == 'removed by masks of GrabCutSegmenter'
    assert 'background' not in RemoveBackground()(dict(img=image))
    assert 'background' not in RemoveBackground(prob=0)(dict(img=image, mask=mask))


def test_backgrounds_are_removed_of_a_share_only(image):
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1
    np.random.seed(0)
    removed = [not RemoveBackground(prob=0.25)(dict(img=image, mask=mask))['img'][:, :32].any() for _ in range(400)]
    assert 70 <= sum(removed) <= 130
    before = np.random.get_state()[2]
    RemoveBackground()(dict(img=image, mask=mask))
    assert np.random.get_state()[2] == before, 'a certain removal draws nothing'
    with pytest.raises(ValueError, match=r'prob=1.5, expected 0 to 1'):
        RemoveBackground(prob=1.5)


def test_the_mask_of_a_segmenter_goes_before_the_true_one(image):
    true, segmented = np.zeros((2, 64, 64), np.float32)
    true[:, 32:], segmented[:, 40:] = 1, 1
    out = RemoveBackground()(dict(img=image, mask=true, segmented_mask=segmented))
    assert not out['img'][:, :40].any() and (out['img'][:, 40:] == image[:, 40:]).all()
    assert out['mask'] is true
