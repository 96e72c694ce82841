import numpy as np
import pytest

from mmxas.species.prior_extremes import (
    TILE,
    damage,
    enclosed_volume,
    extreme_poses,
    extremes_sheet,
    mesh_edges,
    posed_vertices,
)
from mmxas.visualization.contact_sheet import ALARM, CAPTION, GAP


def test_one_pose_for_each_limit_that_is_not_zero():
    low, high = np.zeros((2, 2, 3))
    low[1], high[1] = np.deg2rad([-10, 0, 5]), np.deg2rad([20, 0, 5])
    poses = extreme_poses(dict(joints=('root', 'knee'), low=low, high=high))
    assert [pose.name for pose in poses] == ['knee x -10', 'knee x +20', 'knee z +5']
    np.testing.assert_allclose(poses[1].pose, [[0, 0, 0], [np.deg2rad(20), 0, 0]], rtol=1e-6)


def test_volume_and_edges_of_boxes(body):
    rest = body.v_template.numpy()
    assert len(mesh_edges(body.faces)) == 18 * 7
    boxes = np.delete(np.arange(7), 2)  # one corner of the head is its nose
    assert enclosed_volume(rest, body.faces.reshape(7, 12, 3)[boxes].reshape(-1, 3)) == pytest.approx(6 * 0.24 ** 3)


def test_a_rigid_motion_does_no_damage_and_a_torn_mesh_is_seen(body):
    pose = np.zeros((1, 7, 3), np.float32)
    pose[0, 1] = [0.3, 0.2, -0.4]
    rest, edges = body.v_template.numpy(), mesh_edges(body.faces)
    found = damage(posed_vertices(body, pose)[0], rest, body.faces, edges)
    assert found.torn == 0 and found.volume == pytest.approx(1, abs=1e-4)
    assert damage(rest * 2, rest, body.faces, edges).volume == pytest.approx(8)
    torn = rest.copy()
    torn[0] += 5
    touched = edges[(edges == 0).any(1)]
    lengths = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1)
    expected = np.linalg.norm(rest[touched[:, 0]] - rest[touched[:, 1]], axis=1).sum() / lengths.sum()
    assert damage(torn, rest, body.faces, edges).torn == pytest.approx(expected)
    torn[0] = np.nan
    with pytest.raises(ValueError, match='not finite'):
        damage(torn, rest, body.faces, edges)


def test_each_body_of_the_sheet_is_in_its_picture(body):
    meshes = np.stack([body.v_template.numpy(), body.v_template.numpy() + [3, 0, 0]])
    sheet = extremes_sheet(body, meshes, ['a', 'b'], [False, True], columns=2)
    assert sheet.shape == (TILE + CAPTION + 2 * GAP, 2 * TILE + 3 * GAP, 3)
    first, second = sheet[GAP:GAP + TILE, GAP:GAP + TILE], sheet[GAP:GAP + TILE, 2 * GAP + TILE:2 * GAP + 2 * TILE]
    np.testing.assert_array_equal(first, second)  # wherever the body is
    drawn = np.argwhere((first < 250).any(-1))
    assert 0.1 < len(drawn) / TILE ** 2 < 0.8 and drawn.min() > 0 and drawn.max() < TILE - 1
    red = (sheet[-GAP - CAPTION:, :, 0].astype(int) - sheet[-GAP - CAPTION:, :, 1] > 100).any(0)
    assert not red[:GAP + TILE].any() and red[GAP + TILE:].any() and ALARM[0] > 150
