from mmxas.visualization.instance_view import view_instance
from mmxas.visualization.pose_figure import FigureOptions, pose_figure
from mmxas.visualization.pose_style import PoseStyle


def titles(sample, photo, meta, **options):
    figure = pose_figure(photo, view_instance(sample), PoseStyle.from_dataset_meta(meta, 18), FigureOptions(**options))
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_every_panel_is_there(make_sample, photo, dataset_meta):
    assert titles(make_sample(), photo, dataset_meta) == [
        'image, box and crop', 'top-1 pose', 'skeleton mask and body outline', 'true pose',
        'top-1 pose\nscore 0.3 · error 33 mm',
        'hypothesis 2 · 2 keypoints differ\nscore 0.013 · error 0 mm',
        'hypothesis 3 · 1 keypoint differs\nscore 0.0056 · error 48 mm',
        'ground truth', 'depth heatmaps']


def test_what_is_unknown_has_no_panel(make_sample, photo, dataset_meta):
    assert titles(make_sample(num_hypotheses=1, with_truth=False, with_heatmap=False), photo, dataset_meta) == [
        'image, box and crop', 'top-1 pose', 'skeleton mask', 'top-1 pose\nscore 0.3']


def test_a_hypothesis_without_a_peak_says_so(make_sample, photo, dataset_meta):
    sample = make_sample(num_hypotheses=2, with_truth=False, with_heatmap=False)
    sample.pred_instances.hypothesis_valid[:, 1] = False
    assert titles(sample, photo, dataset_meta)[-1] == 'hypothesis 2\nno peak of its own'


def test_a_threshold_in_mm_holds_for_crop_units_too(make_sample, photo, dataset_meta):
    sample = make_sample(num_hypotheses=2, with_truth=False, with_heatmap=False, depth_unit='crop')
    assert '1 keypoint differs' in titles(sample, photo, dataset_meta, difference_mm=200.0)[-1]


def test_there_is_one_row_a_view(make_sample, photo, dataset_meta):
    sample = make_sample(with_truth=False, with_heatmap=False)
    style = PoseStyle.from_dataset_meta(dataset_meta, 18)
    figure = pose_figure(photo, view_instance(sample), style, FigureOptions(views=((0, 0), (90, 0), (0, 90))))
    assert len(figure.axes) == 3 + 3 * 3
    assert [text.get_text() for text in figure.texts] == [
        'seen from the camera', 'seen from 90° right', 'seen from the camera']
