import copy

import numpy as np
import pytest
import torch

from mmxas.apis import XASInferencer
from mmxas.apis.onnx_detector import OnnxDetector, graph_facts


def test_facts_are_in_the_file(onnx_file, small_detector):
    facts = OnnxDetector(onnx_file).facts
    head = small_detector.cfg.model.head
    decoding = head.decoder.decoding
    colours = small_detector.cfg.model.data_preprocessor
    assert facts == dict(
        crop_size=64, num_keypoints=18, num_hypotheses=3, flip_test=True, skeleton='h36m18', depth_bins=head.depth_bins,
        window=decoding.window, peak_threshold=decoding.peak_threshold, align_corners=False,
        xy_window=small_detector.model.test_cfg['decoding']['xy_window'], xy_peak_window=3,
        mean=pytest.approx(list(colours.mean)), std=pytest.approx(list(colours.std)), bgr_to_rgb=colours.bgr_to_rgb)
    assert facts == graph_facts(small_detector.model, 64)


@pytest.mark.parametrize('batch', [1, 2, 7])
def test_any_batch(onnx_file, batch):
    crops = np.random.default_rng(0).integers(0, 255, (batch, 3, 64, 64), dtype=np.uint8)
    found = OnnxDetector(onnx_file, threads=1)(crops)
    assert found.keypoints.shape == (batch, 3, 18, 3) and found.valid.dtype == torch.bool
    torch.testing.assert_close(found.depth_heatmap.sum(-1), torch.ones(batch, 18))
    alone = OnnxDetector(onnx_file)(crops[-1:])
    torch.testing.assert_close(alone.keypoints[0], found.keypoints[-1], rtol=0, atol=1e-5)


def test_an_inferencer_gives_the_same_predictions(onnx_file, small_detector, image):
    fast = XASInferencer(small_detector.cfg, str(onnx_file), backend='onnxruntime')
    boxes = [[10, 10, 60, 60], [60, 20, 140, 80]]
    wanted, found = (next(iter(one(image, bboxes=boxes)))['predictions'][0] for one in (small_detector, fast))
    for one, other in zip(wanted['instances'], found['instances'], strict=True):
        for pose, fast_pose in zip(one['hypotheses'], other['hypotheses'], strict=True):
            np.testing.assert_allclose(pose['keypoints'], fast_pose['keypoints'], atol=1e-2)  # px and crops
            np.testing.assert_allclose(pose['keypoint_scores'], fast_pose['keypoint_scores'], atol=1e-4)


def test_another_detectors_file_is_refused(onnx_file, small_detector):
    cfg = copy.deepcopy(small_detector.cfg)
    cfg.model.head.decoder.decoding.num_hypotheses = 2
    with pytest.raises(ValueError, match='the ONNX file has num_hypotheses 3, this config 2'):
        XASInferencer(cfg, str(onnx_file), backend='onnxruntime')


@pytest.mark.parametrize(('part', 'changes'), [
    ('head.decoder', dict(align_corners=True)), ('head.decoder.decoding', dict(window=5)),
    ('test_cfg.decoding', dict(peak_threshold=0.9)), ('head', dict(depth_bins=24)),
    ('data_preprocessor', dict(mean=[0, 0, 0])), ('data_preprocessor', dict(std=[1, 1, 1])),
    ('data_preprocessor', dict(bgr_to_rgb=False))], ids=str)
def test_a_file_that_decodes_or_colours_otherwise_is_refused(onnx_file, small_detector, part, changes):
    cfg = copy.deepcopy(small_detector.cfg)
    name, = changes
    cfg.merge_from_dict({f'model.{part}.{name}': changes[name]})
    with pytest.raises(ValueError, match=f'the ONNX file has {name} .*mmxas export onnx CONFIG CHECKPOINT OUT.onnx'):
        XASInferencer(cfg, str(onnx_file), backend='onnxruntime')


def test_a_file_without_these_facts_is_refused(onnx_file, small_detector):
    detector = OnnxDetector(onnx_file)
    del detector.facts['align_corners']
    with pytest.raises(ValueError, match='does not state its align_corners .*has False.*mmxas export onnx CONFIG'):
        detector.check_fits(small_detector.model, 64)


def test_colours_of_a_preprocessor_that_leaves_them(small_detector):
    model = copy.copy(small_detector.model)
    model._modules = dict(model._modules, data_preprocessor=torch.nn.Identity())
    facts = graph_facts(model, 64)
    assert (facts['mean'], facts['std'], facts['bgr_to_rgb']) == ([0.0] * 3, [1.0] * 3, False)


def test_refusals(onnx_file, small_detector, tmp_path):
    with pytest.raises(FileNotFoundError, match='none.onnx: no such ONNX file'):
        OnnxDetector(tmp_path / 'none.onnx')
    (tmp_path / 'cut.onnx').write_bytes(onnx_file.read_bytes()[:1000])
    with pytest.raises(ValueError, match='cut.onnx: not an ONNX graph that can be run'):
        OnnxDetector(tmp_path / 'cut.onnx')
    with pytest.raises(ValueError, match="backend: one of 'pytorch', 'onnxruntime' expected, got 'tensorrt'"):
        XASInferencer(small_detector.cfg, backend='tensorrt')
    with pytest.raises(ValueError, match="backend='onnxruntime' needs weights"):
        XASInferencer(small_detector.cfg, backend='onnxruntime')


def test_a_foreign_graph_is_refused(tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is not installed (requirements/optional.txt)')
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in 'xy']
    node = onnx.helper.make_node('Identity', ['x'], ['y'])
    graph = onnx.helper.make_graph([node], 'foreign', value[:1], value[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 18)], ir_version=9)
    onnx.save(model, tmp_path / 'foreign.onnx')
    with pytest.raises(ValueError, match='outputs keypoints, scores, valid, depth_heatmap expected, found y'):
        OnnxDetector(tmp_path / 'foreign.onnx')
