"""Export a detector with its decoding as one ONNX graph.

N: batch, H: hypotheses, K: keypoints, D: depth bins, S: crop size in px.
"""
from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from mmxas.io.atomic_writes import write_atomically
from mmxas.ops import Hypotheses, Marginals, decode_marginals

from .onnx_detector import INPUT, OUTPUTS, OnnxDetector, graph_facts

OPSET = 18
TOLERANCE = 1e-4


class DetectorGraph(nn.Module):
    """Module that maps BGR crops to hypotheses.

    Args:
        model: The estimator; its flip test (``test_cfg.flip_test``) becomes part of the graph. Other views and the
            search for the facing (``background``, ``zooms``, ``facings``) do not.
        data_preprocessor: Config of the data preprocessor: ``mean``, ``std`` and ``bgr_to_rgb``.
    """

    def __init__(self, model: nn.Module, data_preprocessor: Mapping) -> None:
        super().__init__()
        self.model = model
        self.flip_indices = model.skeleton.flip_indices if (model.test_cfg or {}).get('flip_test') else None
        self.to_rgb = bool(data_preprocessor.get('bgr_to_rgb', False))
        for name, default in (('mean', 0.0), ('std', 1.0)):
            value = torch.tensor(data_preprocessor.get(name) or [default] * 3, dtype=torch.float32)
            self.register_buffer(name, value.view(-1, 1, 1))

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map crops (N, 3, S, S), BGR, 0 to 255, float32, to the fields of :class:`mmxas.ops.Hypotheses`."""
        inputs = (crops[:, [2, 1, 0]] if self.to_rgb else crops).sub(self.mean).div(self.std)
        logits = self.model.head(self.model.extract_feat(inputs))
        if self.flip_indices is not None:
            mirrored = self.model.head(self.model.extract_feat(inputs.flip(-1)))
            logits = self.model.head.average_flipped(logits, mirrored, self.flip_indices)
        return tuple(self.model.head.decode_volume(logits, self.model.test_cfg)[0])


def export_detector(model: nn.Module, data_preprocessor: Mapping, crop_size: int, path: str | Path) -> float:
    """Write a detector as ONNX after comparing its results with PyTorch.

    Args:
        model: The estimator.
        data_preprocessor: Config of its data preprocessor.
        crop_size: S.
        path: The ``.onnx`` file, written whole or not at all.

    Returns:
        The largest difference found, in crop-normalised coordinates or probabilities.

    Raises:
        ImportError: The exporter's packages or ONNX Runtime are missing.
        ValueError: The graph's results differ from PyTorch's by more than :data:`TOLERANCE`; nothing is written.
    """
    graph = DetectorGraph(model, data_preprocessor).eval()
    content = _graph_bytes(graph, graph_facts(model, crop_size), crop_size)
    largest = max(compare(graph, OnnxDetector(content), batch, crop_size) for batch in (1, 3))
    if not largest <= TOLERANCE:
        raise ValueError(f'the ONNX graph differs from PyTorch by {largest:.2g}, at most {TOLERANCE:g} expected; '
                         f'{path} is not written')
    write_atomically(Path(path), lambda file: file.write(content))
    return largest


@torch.no_grad()
def compare(graph: DetectorGraph, detector: OnnxDetector, batch: int, crop_size: int, seed: int = 0) -> float:
    """Compare both on crops of blurred noise.

    If two peaks of a depth heatmap are equal up to rounding, the libraries may rank them differently. Therefore the
    graph's depth heatmaps are compared with PyTorch's, and its depths with PyTorch's decoding of the graph's heatmaps.

    Args:
        graph: The module that was exported.
        detector: The exported graph.
        batch: N.
        crop_size: S.
        seed: Seed of the noise.

    Returns:
        The largest difference; infinity where validity or shapes differ.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(batch, 3, max(2, crop_size // 16), max(2, crop_size // 16), generator=generator) * 255
    crops = nn.functional.interpolate(noise, (crop_size, crop_size), mode='bicubic').clamp(0, 255)
    wanted, found = Hypotheses(*graph(crops)), detector(crops)
    if [tuple(one.shape) for one in wanted] != [tuple(one.shape) for one in found]:
        return float('inf')
    head, profile = graph.model.head, found.depth_heatmap
    decoding = head.decoding(graph.model.test_cfg).changed(dict(xy_window=None))  # depths alone
    decoded = decode_marginals(Marginals(profile, profile, profile), decoding, head.align_corners)
    if not torch.equal(decoded.valid, found.valid):
        return float('inf')
    pairs = ((found.keypoints[..., :2], wanted.keypoints[..., :2]), (profile, wanted.depth_heatmap),
             (found.keypoints[..., 2], decoded.keypoints[..., 2]), (found.scores, decoded.scores))
    return max(float((one - other).abs().max()) for one, other in pairs)


def _graph_bytes(graph: DetectorGraph, facts: Mapping, crop_size: int) -> bytes:
    """Export by torch's exporter with a dynamic batch size."""
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(f'{error.name} is not installed: pip install -r requirements/optional.txt') from error
    example = torch.zeros(2, 3, crop_size, crop_size)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph, (example, ), dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim('batch', min=1)}, ), verbose=False)
    proto = program.model_proto
    onnx.helper.set_model_props(proto, {'mmxas': json.dumps(dict(facts))})
    buffer = io.BytesIO()
    onnx.save(proto, buffer)
    return buffer.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's warnings about its internals."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
