import numpy as np
import pytest

from mmxas.visualization.pose_style import PoseStyle


def test_colours_and_links_come_from_the_data_set(dataset_meta):
    style = PoseStyle.from_dataset_meta(dataset_meta, 18)
    assert style.links.shape == (17, 2)
    assert style.names[3] == 'right_ankle' or 'ankle' in style.names[3]
    np.testing.assert_allclose(style.keypoint_colors, dataset_meta['keypoint_colors'] / 255)
    np.testing.assert_allclose(style.link_colors, dataset_meta['skeleton_link_colors'] / 255)


def test_without_meta_there_are_points_of_distinct_colours():
    style = PoseStyle.from_dataset_meta(None, 5)
    assert style.names == ('0', '1', '2', '3', '4')
    assert style.links.shape == (0, 2)
    assert len(np.unique(style.keypoint_colors.round(3), axis=0)) == 5


def test_links_without_colours_take_their_childs():
    meta = dict(skeleton_links=[(0, 1)], keypoint_colors=[[255, 0, 0], [0, 0, 255]])
    np.testing.assert_allclose(PoseStyle.from_dataset_meta(meta, 2).link_colors, [[0, 0, 1]])


def test_another_number_of_keypoints_is_named(dataset_meta):
    with pytest.raises(ValueError, match=r'\(h36m18\) describes 18 keypoints, but the poses have 24'):
        PoseStyle.from_dataset_meta(dataset_meta, 24)


def test_on_white_darkens_only_what_is_bright():
    meta = dict(keypoint_colors=[[0, 255, 0], [0, 0, 255]])
    colors = PoseStyle.from_dataset_meta(meta, 2).on_white().keypoint_colors
    assert colors[0, 1] == pytest.approx(0.5 / 0.7152)
    np.testing.assert_allclose(colors[1], [0, 0, 1])
