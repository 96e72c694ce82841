import pytest
import torch

from mmxas.apis import onnx_export
from mmxas.apis.onnx_detector import OnnxDetector
from mmxas.apis.onnx_export import DetectorGraph, compare, export_detector


def test_the_graph_takes_crops_as_they_are(small_detector):
    """Colours, normalisation and mirroring are those of the estimator itself."""
    preprocessor = small_detector.cfg.model.data_preprocessor
    graph = DetectorGraph(small_detector.model, preprocessor).eval()
    crop = torch.randint(0, 255, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    model, head = small_detector.model, small_detector.model.head
    inputs = model.data_preprocessor(dict(inputs=[crop[0]], data_samples=[]))['inputs']
    with torch.no_grad():
        keypoints, *_ = graph(crop.float())
        views = [head(model.extract_feat(view)) for view in (inputs, inputs.flip(-1))]
        wanted, _ = head.decode_volume(head.average_flipped(*views, model.skeleton.flip_indices), model.test_cfg)
    torch.testing.assert_close(keypoints, wanted.keypoints)


def test_exported_and_original_agree(onnx_file, small_detector):
    graph = DetectorGraph(small_detector.model, small_detector.cfg.model.data_preprocessor).eval()
    assert compare(graph, OnnxDetector(onnx_file), batch=2, crop_size=64, seed=5) <= 1e-4


def test_a_difference_is_seen_and_nothing_is_written(onnx_file, small_detector, tmp_path, monkeypatch):
    graph = DetectorGraph(small_detector.model, dict(mean=[0, 0, 0], std=[300, 300, 300])).eval()
    assert compare(graph, OnnxDetector(onnx_file), batch=1, crop_size=64) > 1e-3
    monkeypatch.setattr(onnx_export, 'compare', lambda *_: 2e-4)
    monkeypatch.setattr(onnx_export, '_graph_bytes', lambda *_: onnx_file.read_bytes())
    with pytest.raises(ValueError, match='differs from PyTorch by 0.0002, at most 0.0001 expected; .* is not written'):
        export_detector(small_detector.model, {}, 64, tmp_path / 'out.onnx')
    assert list(tmp_path.iterdir()) == []
