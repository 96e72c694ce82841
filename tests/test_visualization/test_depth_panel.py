import numpy as np

from mmxas.visualization.canvas import figure_to_rgb, new_figure
from mmxas.visualization.depth_panel import hypothesis_color, show_depth_heatmaps
from mmxas.visualization.pose_style import PoseStyle


def panel(truth=None):
    figure = new_figure(4, 3, dpi=80)
    axes = figure.add_subplot()
    style = PoseStyle.from_dataset_meta(None, 2)
    profile = np.full((2, 8), 1e-6)
    profile[0, 2], profile[0, 6], profile[1, 4] = 0.7, 0.3, 1.0
    depths = np.array([[-750.0, 250.0], [1250.0, 250.0]])
    valid = np.array([[True, True], [True, False]])
    show_depth_heatmaps(axes, profile, (-2000, 2000), depths, valid, style, 'mm', truth)
    figure_to_rgb(figure)
    return axes


def test_peaks_are_marked_at_their_depth_where_valid():
    marks = {m.get_label(): m.get_offsets().data for m in panel().collections if m.get_label() in ('1', '2')}
    np.testing.assert_allclose(marks['1'][:, 0], [-750, 250])
    np.testing.assert_allclose(marks['2'][:, 0], [1250])
    assert marks['2'][0, 1] > 1   # the first keypoint is the upper ridge


def test_the_axis_ends_where_the_profile_does():
    low, high = panel().get_xlim()
    assert -900 < low < -750 and 1250 < high < 1400


def test_bins_stand_at_their_centres():
    ridge = panel().lines[0].get_xydata()
    assert ridge[ridge[:, 1].argmax(), 0] == -750.0   # bin 2 of 8 over -2000 to 2000


def test_the_true_depth_has_its_own_mark_and_legend():
    axes = panel(truth=np.array([-700.0, 200.0]))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['1', '2', 'true']
    assert hypothesis_color(0) != hypothesis_color(1)
