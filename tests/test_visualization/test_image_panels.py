import numpy as np

from mmxas.visualization.canvas import figure_to_rgb, new_figure
from mmxas.visualization.image_panels import draw_overlay, show_crop, show_image, show_mask, skeleton_mask
from mmxas.visualization.pose_style import PoseStyle


def pixels(draw):
    figure = new_figure(1, 1, dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    draw(axes)
    return figure_to_rgb(figure).astype(int)


def test_the_skeleton_mask_lies_where_the_keypoints_are():
    drawn = skeleton_mask(np.array([[-0.79, 0.01], [0.81, 0.01]]), [(0, 1)], size=100)
    assert drawn.shape == (100, 100)
    assert drawn[50, 10] > 0.99 and drawn[50, 90] > 0.99
    assert drawn[80, 50] < 0.01 and drawn[50, 0] < drawn[50, 10]


def test_the_crop_is_shown_and_what_lies_beyond_is_grey():
    image = np.zeros((20, 20, 3), dtype=np.uint8)
    image[:, 10:] = [255, 0, 0]
    picture = pixels(lambda axes: show_crop(axes, image, np.array([9.5, -0.5, 29.5, 19.5])))
    assert picture[50, 25].tolist() == [255, 0, 0]
    assert picture[50, 75].tolist() == [0xd9, 0xdc, 0xe1]


def test_the_overlay_hides_what_is_not_visible():
    style = PoseStyle.from_dataset_meta(dict(skeleton_links=[(0, 1), (1, 2)], keypoint_colors=[[255, 0, 0]] * 3), 3)
    points = np.array([[5.0, 10.0], [10.0, 10.0], [18.0, 10.0]])

    def draw(axes, shown):
        show_crop(axes, np.zeros((20, 20, 3), np.uint8), np.array([-0.5, -0.5, 19.5, 19.5]))
        draw_overlay(axes, points, style, shown)
    assert pixels(lambda axes: draw(axes, None))[52, 70, 0] > 200
    assert pixels(lambda axes: draw(axes, np.array([True, True, False])))[52, 70, 0] < 20


def test_box_and_crop_are_outlined():
    def draw(axes):
        show_image(axes, np.zeros((100, 100, 3), np.uint8), np.array([10, 10, 60, 60]),
                   np.array([20.5, 20.5, 50.5, 50.5]))
    picture = pixels(draw)
    assert picture[:, 20].max(axis=0)[0] > 200
    assert (picture[10] > 150).all(axis=-1).any()


def test_the_body_outline_goes_around_the_mask():
    mask = np.zeros((50, 50))
    mask[10:40, 10:40] = 1
    picture = pixels(lambda axes: show_mask(axes, np.zeros((20, 20)), mask))
    cyan = (picture[..., 2] > 150) & (picture[..., 0] < 120)
    rows, columns = np.nonzero(cyan)
    assert abs(rows.min() - 20) <= 2 and abs(columns.max() - 80) <= 2
    assert not (pixels(lambda axes: show_mask(axes, np.zeros((20, 20)), np.ones((5, 5)))) > 0).any()
