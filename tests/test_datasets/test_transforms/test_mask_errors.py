import numpy as np
import pytest

from mmxas.datasets.transforms import RandomMaskErrors
from mmxas.datasets.transforms.mask_errors import move_outline

SIZE = 128


@pytest.fixture
def mask():
    y, x = np.mgrid[:SIZE, :SIZE]
    return (np.hypot(x - 64, y - 64) < 30).astype(np.float32)


@pytest.mark.parametrize('shift', [-4.0, 0.0, 4.0])
def test_the_outline_of_a_disc_moves_by_its_shift(mask, shift):
    radius = np.sqrt(move_outline(mask, shift).sum() / np.pi)
    assert radius == pytest.approx(30 + shift, abs=0.4)


def test_an_outline_can_move_in_one_place_only(mask):
    shift = np.zeros((SIZE, SIZE))
    shift[:, 64:] = 5
    row = move_outline(mask, shift)[64]
    assert np.flatnonzero(row > 0.5)[[0, -1]].tolist() == [35, 98]


def test_empty_and_full_masks_have_no_outline():
    for value in (0.0, 1.0):
        assert (move_outline(np.full((8, 8), value, np.float32), 2.0) == value).all()


def test_errors_stay_near_the_outline_without_blobs(mask):
    transform = RandomMaskErrors(prob=1, edge=3, missing_prob=0, added_prob=0)
    changed = []
    for seed in range(20):
        np.random.seed(seed)
        results = transform(dict(mask=mask))
        wrong = results['segmented_mask']
        assert results['mask'] is mask and wrong.dtype == np.float32 and wrong.min() >= 0 and wrong.max() <= 1
        assert (wrong[move_outline(mask, -4.5) == 1] == 1).all() and not wrong[move_outline(mask, 4.5) == 0].any()
        changed.append(np.abs(wrong - mask).sum() / mask.sum())
    assert 0.02 < np.mean(changed) < 0.12


@pytest.mark.parametrize(('option', 'grows'), [('missing_prob', False), ('added_prob', True)])
def test_blobs_take_away_or_add(mask, option, grows):
    transform = RandomMaskErrors(**{'prob': 1, 'edge': 0, 'missing_prob': 0, 'added_prob': 0, option: 1})
    for seed in range(10):
        np.random.seed(seed)
        difference = transform(dict(mask=mask))['segmented_mask'] - mask
        changed = np.abs(difference) > 0.5
        assert 0.001 * SIZE**2 < changed.sum() < 0.06 * SIZE**2
        assert (difference[changed] > 0).all() if grows else (difference[changed] < 0).all()


def test_the_share_and_the_seed(mask):
    transform = RandomMaskErrors(prob=0.5)
    np.random.seed(0)
    same = [transform(dict(mask=mask))['segmented_mask'] is mask for _ in range(200)]
    assert 70 < sum(same) < 130
    np.random.seed(1)
    one = RandomMaskErrors(prob=1)(dict(mask=mask))['segmented_mask']
    np.random.seed(1)
    assert (RandomMaskErrors(prob=1)(dict(mask=mask))['segmented_mask'] == one).all()


def test_something_is_always_left():
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[60:63, 60:63] = 1
    for seed in range(10):
        np.random.seed(seed)
        wrong = RandomMaskErrors(prob=1, missing_prob=1, added_prob=0)(dict(mask=mask))['segmented_mask']
        assert (wrong > 0.5).any()
    assert 'segmented_mask' not in RandomMaskErrors()({})


def test_the_true_mask_stays_as_it_is():
    transform = RandomMaskErrors(prob=1, missing_prob=1, added_prob=1)
    for value in (0.0, 1.0):
        mask = np.full((SIZE, SIZE), value, np.float32)
        assert (transform(dict(mask=mask))['mask'] == value).all()


@pytest.mark.parametrize(('wrong', 'message'), [
    (dict(prob=2), 'prob=2, expected 0 to 1'), (dict(missing_prob=-1), 'missing_prob=-1'),
    (dict(added_prob=1.1), 'added_prob=1.1'), (dict(blob_size=(0.5, 0.2)), 'blob_size')])
def test_wrong_options_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        RandomMaskErrors(**wrong)
