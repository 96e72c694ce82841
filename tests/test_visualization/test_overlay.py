import numpy as np

from mmxas.visualization.overlay import draw_poses
from mmxas.visualization.pose_style import PoseStyle

STYLE = PoseStyle(('a', 'b', 'c'), np.array([[0, 1], [1, 2]]), np.ones((3, 3)), np.array([[1.0, 0, 0], [0, 1, 0]]))


def test_links_are_drawn_in_their_colours_at_their_places():
    image = np.full((60, 80, 3), 90, np.uint8)
    drawn = draw_poses(image, np.array([[[10, 20], [50, 20], [50, 50.0]]]), STYLE)
    assert drawn[20, 30].tolist() == [0, 0, 255] and drawn[40, 50].tolist() == [0, 255, 0]  # BGR
    assert (image == 90).all()
    changed = (drawn != 90).any(axis=2)
    assert not changed[:, :5].any() and not changed[:15].any() and changed[20, 10:50].all()


def test_what_is_unknown_or_far_outside_is_left_out_or_cut_off():
    image = np.zeros((60, 80, 3), np.uint8)
    drawn = draw_poses(image, np.array([[[10, 20], [np.nan, 20], [1e9, 50]]]), STYLE)
    assert not drawn.any()
    assert draw_poses(image, np.array([[[10, 20], [1e9, 20], [1e9, 30]]]), STYLE)[20, 40:].any()
    assert not draw_poses(image, np.zeros((1, 3, 2)) + np.nan, STYLE, [], np.array([[-1e30, -1e30, 1e30, 1e30]])).any()


def test_boxes_are_drawn_and_identities_written_over_them():
    image = np.zeros((100, 100, 3), np.uint8)
    poses, boxes = np.full((2, 3, 2), np.nan), np.array([[10, 40, 30, 90], [60, 40, 80, 90]])
    drawn = draw_poses(image, poses, STYLE, [0, 7], boxes)
    assert drawn[20:40, 10:30].any() and drawn[20:40, 60:80].any() and not drawn[45:88, 13:28].any()
    for x0, y0, x1, y1 in boxes:
        assert (drawn[[y0, y1], x0:x1] == 255).all() and (drawn[y0:y1, [x0, x1]] == 255).all()
    assert (drawn[20:40, 10:30] != drawn[20:40, 60:80]).any()
    assert not draw_poses(image, poses, STYLE, [0, 7]).any()
