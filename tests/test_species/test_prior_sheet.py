import numpy as np

from mmxas.species.prior_sheet import TILE, extremes_sheet
from mmxas.visualization.contact_sheet import ALARM, CAPTION, GAP


def test_each_body_is_in_its_picture(body):
    meshes = np.stack([body.v_template.numpy(), body.v_template.numpy() + [3, 0, 0]])
    sheet = extremes_sheet(body, meshes, ['a', 'b'], [False, True], columns=2)
    assert sheet.shape == (TILE + CAPTION + 2 * GAP, 2 * TILE + 3 * GAP, 3)
    first, second = sheet[GAP:GAP + TILE, GAP:GAP + TILE], sheet[GAP:GAP + TILE, 2 * GAP + TILE:2 * GAP + 2 * TILE]
    np.testing.assert_array_equal(first, second)  # wherever the body is
    drawn = np.argwhere((first < 250).any(-1))
    assert 0.1 < len(drawn) / TILE ** 2 < 0.8 and drawn.min() > 0 and drawn.max() < TILE - 1
    red = (sheet[-GAP - CAPTION:, :, 0].astype(int) - sheet[-GAP - CAPTION:, :, 1] > 100).any(0)
    assert not red[:GAP + TILE].any() and red[GAP + TILE:].any() and ALARM[0] > 150
