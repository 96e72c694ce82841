from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from test_runs.tiny_mocap import tiny_config
from tiny_zoo import with_segmenter, write_zoo

from mmxas.apis import XASInferencer
from mmxas.apis.onnx_export import export_detector
from mmxas.compat.config_paths import config_path
from mmxas.io import shipped_files


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A folder in the place of the checkout: two models, tiny and other, without weights."""
    root = write_zoo(tmp_path / 'root')
    monkeypatch.setattr(shipped_files, 'PACKAGE_ROOT', root / 'mmxas')
    return root


@pytest.fixture(scope='session')
def detector_config():
    """The quick recipe's detector without a segmenter: the whole image is the box where none is given."""
    return with_segmenter(Config.fromfile(config_path('xas_mocap.py')), None)


@pytest.fixture(scope='session')
def image():
    """A picture (120, 160, 3) uint8 BGR."""
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path, image):
    """A folder of two photos, a truncated one, and other files."""
    folder = tmp_path / 'photos'
    (folder / 'deeper').mkdir(parents=True)
    cv2.imwrite(str(folder / 'b.png'), image)
    cv2.imwrite(str(folder / 'a.JPG'), image)
    cv2.imwrite(str(folder / 'cut.jpg'), image)
    data = (folder / 'cut.jpg').read_bytes()
    (folder / 'cut.jpg').write_bytes(data[:len(data) // 2])
    (folder / 'notes.txt').write_text('no image')
    return folder


@pytest.fixture(scope='session')
def small_detector():
    """A small detector with clear peaks, as an inferencer; its crops have 64 px."""
    config = with_segmenter(tiny_config(Path('unused')), None)
    config.merge_from_dict(dict(model=dict(
        head=dict(decoder=dict(decoding=dict(num_hypotheses=3))), test_cfg=dict(decoding=dict(xy_peak_window=3)))))
    torch.manual_seed(0)
    inferencer = XASInferencer(config, device='cpu')
    final = inferencer.model.head.final_layer
    torch.nn.init.normal_(final.weight, std=0.5)
    torch.nn.init.normal_(final.bias, std=2.0)
    return inferencer


@pytest.fixture(scope='session')
def onnx_file(small_detector, tmp_path_factory):
    """That detector, exported."""
    pytest.importorskip('onnxscript', reason='onnxscript is not installed (requirements/optional.txt)')
    path = tmp_path_factory.mktemp('onnx') / 'small.onnx'
    preprocessor = small_detector.cfg.model.data_preprocessor
    assert export_detector(small_detector.model, preprocessor, small_detector.crop_size, path) <= 1e-4
    return path
