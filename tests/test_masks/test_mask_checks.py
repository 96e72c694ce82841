import cv2
import numpy as np
import pytest

from mmxas.masks.mask_checks import MaskLimits, mask_iou, mask_problems, read_with_doubts


def block(*slices):
    mask = np.zeros((40, 60), np.uint8)
    for rows, columns in slices:
        mask[rows[0]:rows[1], columns[0]:columns[1]] = 255
    return mask


BODY = block(((10, 30), (20, 30)))


@pytest.mark.parametrize(('mask', 'box', 'expected'), [
    (BODY, None, []), (BODY, [18, 9, 32, 31], []), (block(), None, ['empty']),
    (np.full((40, 60), 255, np.uint8), None, ['full frame']), (BODY, [20, 10, 30, 30], ['fills its box']),
    (block(((0, 2), (0, 3))), None, ['tiny']),
    (block(((10, 30), (20, 30)), ((10, 30), (40, 44))), None, ['several parts']),
    (block(((10, 30), (20, 30)), ((10, 12), (40, 42))), None, []),
    (BODY, [10, 0, 50, 40], ['does not fit its box'])])
def test_what_looks_wrong_is_said(mask, box, expected):
    assert mask_problems(mask, box) == expected


def test_limits_can_be_changed():
    mask = block(((10, 30), (20, 30)), ((10, 12), (40, 42)))
    assert mask_problems(mask, limits=MaskLimits(part=0.02)) == ['several parts'], '4 px of 200'
    assert mask_problems(mask, limits=MaskLimits(part=0.021)) == []


def test_overlaps():
    assert mask_iou(BODY, block(((10, 20), (20, 30)))) == 0.5 and mask_iou(block(), block()) == 1
    with pytest.raises(ValueError, match='one size'):
        mask_iou(BODY, BODY[:20])


@pytest.mark.parametrize('inverted', [False, True])
def test_an_ambiguous_mask_is_read_with_its_doubts(tmp_path, inverted):
    body = np.zeros((40, 50), np.uint8)
    body[10:30, 15:35] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), 255 - body if inverted else body)
    mask, doubts = read_with_doubts(tmp_path / 'a.png')
    assert doubts == ['inverted'] * inverted
    np.testing.assert_array_equal(mask, (body == 0) if inverted else body > 0)
