import numpy as np
import pytest

from mmxas.visualization.contact_sheet import CAPTION, GAP, captioned, contact_sheet, fit_picture, overlay_mask


def test_pictures_are_laid_out_in_rows():
    tiles = [np.full((10, 20, 3), value, np.uint8) for value in (0, 50, 100)]
    sheet = contact_sheet(tiles, 2)
    assert sheet.shape == (2 * (10 + GAP) + GAP, 2 * (20 + GAP) + GAP, 3)
    assert sheet[GAP, GAP, 0] == 0 and sheet[GAP, GAP + 20 + GAP, 0] == 50 and sheet[2 * GAP + 10, GAP, 0] == 100
    assert (sheet[-GAP - 1, -GAP - 1] == 255).all()
    for pictures, columns in (([], 2), (tiles, 0)):
        with pytest.raises(ValueError, match='at least one of each'):
            contact_sheet(pictures, columns)


def test_proportions_are_kept():
    assert fit_picture(np.zeros((50, 100, 3), np.uint8), 25).shape == (25, 50, 3)
    assert fit_picture(np.zeros((50, 100, 3), np.uint8), 25, 20).shape == (10, 20, 3)


@pytest.mark.parametrize('kind', [bool, np.uint8, np.float32])
def test_what_a_mask_leaves_out_is_dim_and_its_edge_drawn(kind):
    mask = np.zeros((12, 12), dtype=bool)
    mask[3:9, 3:9] = True
    mask = mask.astype(kind) * kind(255 if kind is np.uint8 else 1)
    drawn = overlay_mask(np.full((12, 12, 3), 200, np.uint8), mask, color=(1, 2, 3))
    assert drawn[0, 0].tolist() == [90, 90, 90] and drawn[5, 5].tolist() == [200, 200, 200]
    assert drawn[3, 3].tolist() == [1, 2, 3]


def test_captions_stand_below():
    tile = captioned(np.zeros((10, 60, 3), np.uint8), 'empty', alarm=True)
    strip = tile[10:].astype(int)
    assert tile.shape == (10 + CAPTION, 60, 3) and (strip[..., 0] - strip[..., 1]).max() > 80
