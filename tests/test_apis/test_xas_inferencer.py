import json
import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.apis import inference_topdown, init_model
from mmpose.visualization import PoseLocalVisualizer
from test_runs.tiny_mocap import tiny_config
from tiny_poses import picture_of, poses_of
from tiny_zoo import with_segmenter

from mmxas.apis import XASInferencer
from mmxas.apis.publishing import publish
from mmxas.apis.xas_inferencer import check_fits
from mmxas.datasets.transforms import UnreadableImageError
from mmxas.ops import camera_to_image
from mmxas.registry import INFERENCERS

K = np.array([[200.0, 0, 80], [0, 200.0, 60], [0, 0, 1]])


@pytest.fixture(scope='module')
def inferencer(detector_config):
    torch.manual_seed(0)
    return INFERENCERS.build(dict(type='XASInferencer', model=detector_config, device='cpu'))


def test_an_array_gives_a_record_and_a_picture(inferencer, image):
    (result, ) = inferencer(image, return_vis=True)
    (record, ) = result['predictions']
    assert record['image'] is None and record['image_size'] == dict(width=160, height=120)
    (instance, ) = record['instances']
    assert instance['bbox'] == [0, 0, 160, 120] and instance['depth_unit'] == 'crop'
    assert len(instance['hypotheses']) == 3
    assert np.shape(instance['hypotheses'][2]['keypoints']) == (18, 3)
    scores = [hypothesis['score'] for hypothesis in instance['hypotheses']]
    assert scores == sorted(scores, reverse=True)
    assert result['visualization'][0].ndim == 3 and result['visualization'][0].dtype == np.uint8


def test_a_folder_writes_both_files_an_image_and_skips_what_is_cut(inferencer, photos, tmp_path):
    results = list(inferencer(photos, out_dir=tmp_path / 'out'))
    assert len(results) == 2
    assert len(inferencer.skipped) == 1 and 'cut.jpg' in inferencer.skipped[0]
    assert sorted(os.listdir(tmp_path / 'out' / 'visualizations')) == ['a.png', 'b.png']
    assert sorted(os.listdir(tmp_path / 'out' / 'predictions')) == ['a.json', 'b.json']
    written = json.loads((tmp_path / 'out' / 'predictions' / 'b.json').read_text())
    assert written == results[1]['predictions'][0]


def test_boxes_are_crops_of_their_own(inferencer, image):
    (result, ) = inferencer(image, bboxes=[[10, 10, 60, 60], [60, 20, 140, 80]], return_datasamples=True)
    (sample, ) = result['predictions']
    crops = [[3.25, 3.25, 65.75, 65.75], [49.5, -.5, 149.5, 99.5]]
    np.testing.assert_allclose(sample.pred_instances.crop_boxes, crops, atol=1e-4)  # boxes are float32
    alone = next(iter(inferencer(image, bboxes=[60, 20, 140, 80], return_datasamples=True)))['predictions'][0]
    np.testing.assert_allclose(alone.pred_instances.hypotheses[0], sample.pred_instances.hypotheses[1], atol=1e-2)


def test_a_camera_gives_mm_and_camera_poses(inferencer, image):
    (result, ) = inferencer(image, bboxes=[20, 20, 100, 100], camera=dict(K=K, root_depth=3000.0))
    (instance, ) = result['predictions'][0]['instances']
    assert instance['rect_3d_width'] == pytest.approx(100 * 3000 / 200)
    pose, lifted = (np.array(instance['hypotheses'][1][key]) for key in ('keypoints', 'keypoints_camera_mm'))
    np.testing.assert_allclose(camera_to_image(lifted, K, 3000.0), pose, atol=0.02)
    without = next(iter(inferencer(image, bboxes=[20, 20, 100, 100])))['predictions'][0]['instances'][0]
    crop_units = np.array(without['hypotheses'][1]['keypoints'])[:, 2]
    np.testing.assert_allclose(crop_units * 1500, pose[:, 2], atol=0.2)


def test_a_single_unreadable_file_raises_and_writes_nothing(inferencer, photos, tmp_path):
    with pytest.raises(UnreadableImageError, match='cut.jpg'):
        list(inferencer(photos / 'cut.jpg', out_dir=tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
    with pytest.raises(UnreadableImageError, match='none of the 2 images could be read; the first: .*cut.jpg'):
        list(inferencer([photos / 'cut.jpg', photos / 'none.png']))


def test_unknown_arguments_are_refused(inferencer, image):
    with pytest.raises(ValueError, match='draw_box'):
        list(inferencer(image, draw_box=True))


def test_weights_are_loaded_and_those_of_another_detector_refused(detector_config, inferencer, tmp_path, image):
    state = inferencer.model.state_dict()
    torch.save(dict(state_dict=state, meta=dict()), tmp_path / 'own.pth')
    again = XASInferencer(detector_config, str(tmp_path / 'own.pth'), device='cpu', depth_heatmaps=False)
    first, second = (next(iter(i(image)))['predictions'][0]['instances'] for i in (inferencer, again))
    assert first == second
    assert again.model.dataset_meta['num_keypoints'] == 18
    name = next(name for name in state if name.startswith('head.'))
    torch.save(dict(state_dict={k: v for k, v in state.items() if k != name}), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=f'no tensor {name!r} in the checkpoint'):
        XASInferencer(detector_config, str(tmp_path / 'other.pth'), device='cpu')
    torch.save(dict(state_dict={**state, name: torch.zeros(1, 2, 3)}), tmp_path / 'misshapen.pth')
    with pytest.raises(ValueError, match=r'has shape \(1, 2, 3\), this config expects'):
        XASInferencer(detector_config, str(tmp_path / 'misshapen.pth'), device='cpu')


def test_weights_fit_by_name_and_shape(inferencer):
    state = inferencer.model.state_dict()
    check_fits(inferencer.model, state)
    check_fits(inferencer.model, dict(state_dict={f'module.{name}': value for name, value in state.items()}))
    for wrong, message in (({}, "no tensor 'backbone"), ([], 'state_dict is a list'),
                           (dict(state, **dict.fromkeys(state, 'text')), r'has shape \(\), this config')):
        with pytest.raises(ValueError, match=message):
            check_fits(inferencer.model, dict(state_dict=wrong))


def test_half_a_config_is_named(detector_config, tmp_path):
    with pytest.raises(ValueError, match='^mmxas::_base_/default_runtime.py: no model, from which a detector is built'):
        XASInferencer('mmxas::_base_/default_runtime.py', device='cpu')
    half = dict(detector_config.to_dict(), test_dataloader=None)
    with pytest.raises(ValueError, match='^config: no test_dataloader, from which'):
        XASInferencer(half, device='cpu')


def test_mmposes_own_functions_and_visualizer_work(detector_config, tmp_path, image):
    path = str(tmp_path / 'photo.jpg')
    cv2.imwrite(path, image)
    model = init_model(detector_config.copy(), None, device='cpu')
    assert model.dataset_meta['dataset_name'] == 'h36m18'
    (sample, ) = inference_topdown(model, path)
    assert sample.pred_instances.hypotheses.shape == (1, 3, 18, 3)
    assert sample.pred_instances.hypothesis_valid[:, 0].all()
    np.testing.assert_array_equal(sample.pred_instances.keypoints, sample.pred_instances.hypotheses[:, 0])
    visualizer = PoseLocalVisualizer(name='mmposes-own')
    visualizer.set_dataset_meta(model.dataset_meta)
    drawn = visualizer.add_datasample('photo', image[..., ::-1].copy(), sample, draw_gt=False)
    changed = (drawn != image[..., ::-1]).any(axis=-1)
    x, y = sample.pred_instances.keypoints[0, :, :2].round().astype(int).T
    assert changed[y.clip(0, 119), x.clip(0, 159)].all()


def test_a_detector_finds_the_boxes_that_are_not_given(inferencer, image, monkeypatch):
    found = InstanceData(
        bboxes=torch.tensor([[10.0, 10, 60, 60], [11, 11, 61, 61], [60, 20, 140, 80], [0, 0, 9, 9], [5, 5, 30, 30]]),
        scores=torch.tensor([0.6, 0.5, 0.9, 0.1, 0.8]), labels=torch.tensor([0, 0, 0, 0, 7]))
    detections = [found]
    monkeypatch.setattr(inferencer, 'detector', lambda image, return_datasamples: dict(
        predictions=[DetDataSample(pred_instances=detections[-1])]))
    monkeypatch.setattr(inferencer, 'det_cat_ids', (0, ), raising=False)
    (result, ) = inferencer(image)
    boxes = [(i['bbox'], round(i['bbox_score'], 3)) for i in result['predictions'][0]['instances']]
    # the overlapping one, the unsure one and the other category are left out
    assert boxes == [([60, 20, 140, 80], 0.9), ([10, 10, 60, 60], 0.6)]
    detections.append(found[:0])
    (result, ) = inferencer(image)
    assert [i['bbox'] for i in result['predictions'][0]['instances']] == [[0, 0, 160, 120]]


def test_the_configs_own_visualizer_is_taken(detector_config, image):
    config = detector_config.copy()
    config.visualizer = dict(type='XASVisualizer', views=[(0, 0)], dpi=40, vis_backends=[dict(type='LocalVisBackend')])
    small = XASInferencer(config, device='cpu', show_progress=True)
    assert small.visualizer.options.dpi == 40 and not small.visualizer._vis_backends
    assert next(iter(small(image, return_vis=True)))['visualization'][0].shape[0] == pytest.approx(40 * 5.85, abs=1)


def finder(boxes):
    """An inferencer whose segmenter finds these boxes."""
    torch.manual_seed(0)
    return XASInferencer(with_segmenter(tiny_config(Path('unused')), boxes), device='cpu')


def test_what_the_segmenter_finds_are_the_boxes_that_are_not_given(image):
    boxes = [[10, 10, 60, 60], [60, 20, 140, 80]]
    two = finder(boxes)
    for given, wanted in ((None, boxes), ([0, 0, 160, 120], boxes), ([1, 0, 159, 120], boxes),
                          ([2, 0, 160, 120], [[2, 0, 160, 120]]), ([[0, 0, 160, 120], [5, 5, 50, 50]], None)):
        (result, ) = two(image, bboxes=given)
        found = [instance['bbox'] for instance in result['predictions'][0]['instances']]
        assert found == (given if wanted is None else wanted)
    assert two.nobody == []


def test_nobody_found_is_an_empty_record_and_the_plain_image(photos, tmp_path, image):
    none = finder([])
    results = list(none(photos, out_dir=tmp_path / 'out', camera=dict(K=K, root_depth=3000.0)))
    assert none.nobody == ['a', 'b'] and len(results) == 2
    record = json.loads((tmp_path / 'out' / 'predictions' / 'b.json').read_text())
    assert record['instances'] == [] and record['image_size'] == dict(width=160, height=120)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'out' / 'visualizations' / 'b.png')), image)
    (result, ) = none(image, bboxes=[[10, 10, 60, 60]])
    assert len(result['predictions'][0]['instances']) == 1 and none.nobody == []


def test_a_segmenter_that_cannot_look_takes_the_whole_image(image):
    """GrabCut, which makes the masks where the weights of the salient one are missing."""
    config = with_segmenter(tiny_config(Path('unused')), [])
    for step in config.test_dataloader.dataset.pipeline:
        if step['type'] == 'SegmentInBox':
            step['segmenter'] = dict(type='GrabCutSegmenter')
    inferencer = XASInferencer(config, device='cpu')
    for given in (None, [0, 0, 160, 120]):
        (result, ) = inferencer(image, bboxes=given)
        assert [i['bbox'] for i in result['predictions'][0]['instances']] == [[0, 0, 160, 120]]
    assert inferencer.nobody == []


def test_a_box_outside_the_image_names_the_image(image):
    with pytest.raises(ValueError, match=r'000000: box \[200.0, 10.0, 300.0, 60.0\]: less than a pixel of it lies in'):
        list(finder([])(image, bboxes=[[200, 10, 300, 60]]))


def test_nobody_found_is_said(image, monkeypatch):
    said = []
    monkeypatch.setattr('mmxas.apis.xas_inferencer.print_log', lambda text, **_: said.append(text))
    list(finder([])(image))
    assert said == ['nobody found in 000000 by SegmenterOfTheTest: give a box (bboxes=, --bbox or --boxes)']


def test_a_camera_is_for_one_found_body(image):
    camera = dict(K=K, root_depth=3000.0)
    boxes = [[10, 10, 60, 60], [60, 20, 140, 80]]
    (result, ) = finder(boxes[:1])(image, camera=camera)
    assert result['predictions'][0]['instances'][0]['depth_unit'] == 'mm'
    two = finder(boxes)
    for depth in (3000.0, [3000.0, 4000.0]):
        with pytest.raises(ValueError, match='000000: 2 bodies found, so the root depth of each is ambiguous'):
            list(two(image, camera=dict(K=K, root_depth=depth)))
    (result, ) = two(image, bboxes=boxes, camera=camera)
    assert len(result['predictions'][0]['instances']) == 2


def test_a_name_takes_the_weights_that_ship(zoo, small_detector, image, tmp_path):
    state = small_detector.model.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'own.pth')
    with pytest.raises(ValueError, match='tiny: no weights come with mmxas for this model'):
        XASInferencer('tiny', device='cpu')
    own = XASInferencer('tiny', str(tmp_path / 'own.pth'), device='cpu')
    done = publish(tmp_path / 'own.pth', Config.fromfile(zoo / 'configs' / 'config.py'), 'small')
    named = XASInferencer('small', device='cpu')
    name = 'head.final_layer.weight'
    assert torch.equal(own.model.state_dict()[name], state[name])
    assert torch.equal(named.model.state_dict()[name], state[name].half().float())
    (result, ) = named(image)
    assert [instance['bbox'] for instance in result['predictions'][0]['instances']] == [[10, 10, 60, 80]]
    done.path.write_bytes(done.path.read_bytes()[:-1] + b'x')
    with pytest.raises(ValueError, match=r'small\.safetensors: sha256 .* expected'):
        XASInferencer('small', device='cpu')
    with pytest.raises(ValueError, match="'smal': no model of this name; did you mean 'small'"):
        XASInferencer('smal', device='cpu')


def test_a_result_is_a_dict_that_a_notebook_draws(inferencer, image, photos):
    (of_array, ), (of_file, ) = inferencer(image), inferencer(photos / 'b.png')
    for result in of_array, of_file:
        frame, = poses_of(result.plot().html)['frames']
        grey = [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY).ravel() for one in (picture_of(frame), image)]
        assert np.corrcoef(grey)[0, 1] > 0.9  # a JPEG of noise
        copy = pickle.loads(pickle.dumps(result))
        assert isinstance(result, dict) and result == dict(result) == copy == json.loads(json.dumps(result))
        assert copy.plot().html == result.plot().html
    assert of_array.image is image and of_file.image is None  # a list of results keeps no photos in memory
    sample = next(iter(inferencer(image, return_datasamples=True)))
    with pytest.raises(TypeError, match=r'plot\(\) shows records: .*without return_datasamples'):
        sample.plot()
