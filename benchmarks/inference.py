"""Benchmark the inference of one 256 px crop by ResNet-50: eager PyTorch against ONNX Runtime."""
from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from mmengine.config import Config

import mmxas  # noqa: F401
from benchmarks.comparison import ROOT, Contest
from benchmarks.training_step import detector
from mmxas.apis.onnx_detector import OnnxDetector
from mmxas.apis.onnx_export import TOLERANCE, DetectorGraph, compare, export_detector
from mmxas.ops import Hypotheses

SIZE = 256
EXPORTED = ROOT / 'benchmarks/results/inference.onnx'


@cache
def graph() -> DetectorGraph:
    """Return the detector without flip test; its file is written if it is missing or outdated."""
    model = detector(test_cfg=dict(flip_test=False)).eval()
    preprocessor = Config.fromfile(ROOT / 'configs/_base_/models/xas_r50.py').model.data_preprocessor
    module = DetectorGraph(model, preprocessor).eval()
    if not EXPORTED.is_file() or compare(module, OnnxDetector(EXPORTED), 1, SIZE) > TOLERANCE:
        export_detector(model, preprocessor, SIZE, EXPORTED)
    return module


def build(way: str, size: int = SIZE) -> Callable[[], Hypotheses]:
    """Return a function that predicts the hypotheses of one crop."""
    crop = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 255
    module = graph()
    if way == 'ours':
        session, values = OnnxDetector(EXPORTED), crop.numpy()
        return lambda: session(values)

    @torch.no_grad()
    def run() -> Hypotheses:
        return Hypotheses(*module(crop))

    return run


CONTESTS = [Contest('inference', f'inference of one {SIZE}x{SIZE} crop, ResNet-50', build, 1.3),
            Contest('inference_one_core', 'the same on one core', build, 1.3, threads=1)]
