import os

import cv2
import numpy as np
import pytest
from matplotlib import _pylab_helpers
from mmengine.structures import InstanceData
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.structures import PoseDataSample, merge_data_samples

import mmxas  # noqa: F401
from mmxas.registry import VISUALIZERS


@pytest.fixture
def visualizer(dataset_meta):
    built = VISUALIZERS.build(dict(type='XASVisualizer', name=f'v{np.random.default_rng().integers(1 << 40)}', dpi=60))
    built.set_dataset_meta(dataset_meta)
    return built


def test_a_sample_becomes_one_picture(visualizer, make_sample, photo):
    picture = visualizer.draw(photo, make_sample())
    assert picture.dtype == np.uint8 and picture.shape == (507, 822, 3)
    assert _pylab_helpers.Gcf.get_num_fig_managers() == 0


def test_the_truth_can_be_left_out(visualizer, make_sample, photo):
    without = visualizer.draw(photo, make_sample(), draw_gt=False)
    assert without.shape[1] < visualizer.draw(photo, make_sample()).shape[1]


def test_instances_stand_below_each_other_the_surest_first(visualizer, make_sample, photo):
    one, other = make_sample(with_heatmap=False), make_sample(with_heatmap=False, centre=(90.0, 100.0), side=120.0)
    other.pred_instances.bbox_scores[:] = 2.0
    both = visualizer.draw(photo, merge_data_samples([one, other]), draw_gt=False)
    single = visualizer.draw(photo, merge_data_samples([other, other]), draw_gt=False)
    height = both.shape[0] // 2
    np.testing.assert_array_equal(both[:height], single[:height])
    visualizer.max_instances = 1
    assert visualizer.draw(photo, merge_data_samples([one, other]), draw_gt=False).shape[0] == height


def test_the_mask_is_drawn_with_the_skeletons_links(make_sample, photo, dataset_meta):
    pictures = []
    for number, (skeleton, name) in enumerate([(None, 'unknown'), ('h36m18', 'unknown'), (None, 'h36m18')]):
        built = VISUALIZERS.build(dict(type='XASVisualizer', name=f'mask-{number}', dpi=60, mask_skeleton=skeleton))
        built.set_dataset_meta(dict(dataset_meta, dataset_name=name))
        pictures.append(built.draw(photo, make_sample(with_heatmap=False), draw_gt=False).astype(int))
    assert pictures[1].sum() > pictures[0].sum()   # eight more links, white on black
    np.testing.assert_array_equal(pictures[1], pictures[2])   # a shipped skeleton is found by the data set's name


def test_add_datasample_writes_a_file_or_the_backends(tmp_path, make_sample, photo, dataset_meta):
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    built = VISUALIZERS.build(dict(
        type='XASVisualizer', name='with-backends', save_dir=str(tmp_path), dpi=50, vis_backends=backends))
    built.set_dataset_meta(dataset_meta)
    picture = built.add_datasample('val', photo, make_sample(), out_file=str(tmp_path / 'out' / 'a.png'))
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'out' / 'a.png'))[..., ::-1], picture)
    built.add_datasample('val', photo, make_sample(), step=7)
    built.close()
    written = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path / 'vis_data') for name in names]
    assert any(path.endswith('val_7.png') for path in written)
    assert any('tfevents' in path for path in written)


def test_without_a_prediction_mmposes_picture_is_drawn(visualizer, photo):
    sample = PoseDataSample(metainfo={}, gt_instances=InstanceData(keypoints=np.full((1, 18, 2), 50.0)))
    assert visualizer.draw(photo, sample) is None
    assert visualizer.add_datasample('gt', photo, sample, draw_pred=False).shape == photo.shape


def test_another_skeletons_meta_is_refused(visualizer, make_sample, photo):
    visualizer.set_dataset_meta(dict(visualizer.dataset_meta, num_keypoints=24, dataset_name='other'))
    with pytest.raises(ValueError, match=r'\(other\) describes 24 keypoints, but the poses have 18'):
        visualizer.draw(photo, make_sample())


class _Evaluator:
    def __init__(self, dataset_meta):
        self.dataset_meta = dataset_meta


class _Runner:
    iter, timestamp = 0, 'now'

    def __init__(self, work_dir, dataset_meta):
        self.work_dir = str(work_dir)
        self.val_evaluator = self.test_evaluator = _Evaluator(dataset_meta)


def test_it_works_in_mmposes_hook(tmp_path, visualizer, make_sample, photo, dataset_meta):
    path = tmp_path / 'person.jpg'
    cv2.imwrite(str(path), photo[..., ::-1])
    sample = make_sample()
    sample.set_metainfo(dict(img_path=str(path)))
    hook = PoseVisualizationHook(enable=True, interval=1, out_dir='shown')
    hook._visualizer = visualizer
    runner = _Runner(tmp_path, dataset_meta)
    hook.after_test_iter(runner, 0, {}, [sample, sample])
    assert sorted(os.listdir(tmp_path / 'now' / 'shown')) == ['person_0.jpg', 'person_1.jpg']
    shown = []
    visualizer.add_image = lambda name, image, step: shown.append((name, image.shape, step))
    hook.after_val_iter(runner, 3, dict(data_samples=[sample]), [sample])
    assert shown[0][0] == 'val_img' and shown[0][2] == 3
