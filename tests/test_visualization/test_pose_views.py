import numpy as np

from mmxas.visualization.canvas import figure_to_rgb, new_figure
from mmxas.visualization.pose_style import PoseStyle
from mmxas.visualization.pose_views import draw_floor, draw_ghost, draw_pose, mark_differences, project

RIGHT, DOWN, AWAY = np.eye(3)


def test_from_the_camera_nothing_changes_but_up():
    np.testing.assert_allclose(project(np.eye(3), 0, 0), [[1, 0, 0], [0, -1, 0], [0, 0, 1]])


def test_from_the_images_right_depth_lies_to_the_right():
    np.testing.assert_allclose(project(np.eye(3), 90, 0), [[0, 0, -1], [0, -1, 0], [1, 0, 0]], atol=1e-12)


def test_from_above_what_is_away_is_up():
    top = project(np.stack([AWAY, DOWN]), 0, 90)
    np.testing.assert_allclose(top, [[0, 1, 0], [0, 0, 1]], atol=1e-12)


def test_projection_keeps_lengths():
    points = np.random.default_rng(0).normal(size=(4, 7, 3))
    np.testing.assert_allclose(np.linalg.norm(project(points, 37, 21), axis=-1), np.linalg.norm(points, axis=-1))


def pixels(draw):
    figure = new_figure(1, 1, dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    axes.set_axis_off()
    draw(axes)
    return figure_to_rgb(figure).astype(int)


def test_the_nearer_link_covers_the_farther():
    style = PoseStyle.from_dataset_meta(dict(skeleton_links=[(0, 1), (2, 3)], keypoint_colors=[[0, 0, 0]] * 4,
                                             skeleton_link_colors=[[255, 0, 0], [0, 0, 255]]), 4)
    points = np.array([[-.9, 0, 0], [.9, 0, 0], [0, -.9, 1], [0, .9, 1]])
    centre = pixels(lambda axes: draw_pose(axes, points, style, width=10))[50, 50]
    assert centre[0] > 240 and centre[2] < 20
    points[:2, 2] = 2
    centre = pixels(lambda axes: draw_pose(axes, points, style, width=10))[50, 50]
    assert centre[2] > 240 and centre[0] < 20


def test_differences_are_circled_and_tied():
    points, reference = np.array([[.5, .5, 0], [-.5, -.5, 0]]), np.array([[.5, -.5, 0], [-.5, -.5, 0]])
    picture = pixels(lambda axes: mark_differences(axes, points, reference, np.array([True, False])))
    red = (picture[..., 0] - picture[..., 1]) > 80
    assert red[15:36, 64:87].sum() > 30   # the circle
    assert red[40:74, 73:77].sum() > 5    # the tie
    assert not red[60:90, 10:40].any()    # the keypoint that agrees


def test_floor_and_ghost_are_drawn():
    style = PoseStyle.from_dataset_meta(dict(skeleton_links=[(0, 1)]), 2)
    assert (pixels(lambda axes: draw_floor(axes, 0.5, 0.8, 30, 20)) < 255).sum() > 100
    assert (pixels(lambda axes: draw_ghost(axes, np.array([[-.5, 0, 0], [.5, 0, 0]]), style)) < 250).sum() > 100
