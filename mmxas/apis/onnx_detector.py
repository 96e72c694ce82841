"""Run a detector, exported to ONNX with its decoding, by ONNX Runtime.

N: batch, H: hypotheses, K: keypoints, D: depth bins, S: crop size in px.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmxas.compat.onnx_runtime import open_session
from mmxas.ops import Hypotheses

INPUT = 'crops'
OUTPUTS = Hypotheses._fields
AGAIN = 'export it with this config: mmxas export onnx CONFIG CHECKPOINT OUT.onnx'


class OnnxDetector:
    """A detector exported by ``mmxas export onnx``.

    Args:
        path: The ``.onnx`` file, or its bytes.
        threads: Threads of ONNX Runtime. Defaults to None: as many as torch uses.

    Attributes:
        facts: Metadata of the file; see :func:`graph_facts`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a detector of this package.
    """

    def __init__(self, path: str | Path | bytes, threads: int | None = None) -> None:
        if not isinstance(path, bytes) and not Path(path).is_file():
            raise FileNotFoundError(f'{path}: no such ONNX file; mmxas export onnx CONFIG CHECKPOINT writes one')
        name = 'these bytes' if isinstance(path, bytes) else str(path)
        try:
            self._session = open_session(path if isinstance(path, bytes) else str(path), threads=threads)
        except ValueError as error:
            raise ValueError(f'{name}: not an ONNX graph that can be run: {error}') from error
        found = tuple(output.name for output in self._session.get_outputs())
        stored = self._session.get_modelmeta().custom_metadata_map.get('mmxas')
        if found != OUTPUTS or stored is None:
            raise ValueError(f'{name}: a graph of mmxas export onnx with the outputs {", ".join(OUTPUTS)} expected, '
                             f'found {", ".join(found)}')
        self.facts: dict[str, Any] = json.loads(stored)

    def __call__(self, crops: Tensor | np.ndarray) -> Hypotheses:
        """Decode crops.

        Args:
            crops: (N, 3, S, S) BGR, 0 to 255, of any type.

        Returns:
            The hypotheses in crop-normalised coordinates.
        """
        values = np.ascontiguousarray(np.asarray(crops), dtype=np.float32)
        return Hypotheses(*(torch.from_numpy(out) for out in self._session.run(OUTPUTS, {INPUT: values})))

    def check_fits(self, model: nn.Module, crop_size: int) -> None:
        """Raise if the file was exported from another detector.

        Args:
            model: The estimator of the config.
            crop_size: S of the config.

        Raises:
            ValueError: A fact differs or is missing in the file; the message has the first one.
        """
        for name, wanted in graph_facts(model, crop_size).items():
            if name not in self.facts:
                raise ValueError(f'the ONNX file does not state its {name} (an older version wrote it), this config '
                                 f'has {wanted!r}; {AGAIN}')
            if self.facts[name] != wanted:
                raise ValueError(f'the ONNX file has {name} {self.facts[name]!r}, this config {wanted!r}; {AGAIN}')

    def test_step(self, model: nn.Module, data: Mapping) -> list[PoseDataSample]:
        """Run the estimator's ``test_step`` with this graph in place of its networks.

        Args:
            model: The estimator; only used to pack the results.
            data: A batch of packed samples: ``inputs``, N crops, and ``data_samples``.
        """
        samples = list(data['data_samples'])
        decoded = self(torch.stack(list(data['inputs'])))
        predictions = model.head.pack(decoded, samples, model.test_cfg)
        instances, fields = predictions if isinstance(predictions, tuple) else (predictions, None)
        return model.add_pred_to_datasample(instances, fields, samples)


def graph_facts(model: nn.Module, crop_size: int) -> dict[str, Any]:
    """Return the properties that must agree between a graph and a detector.

    Args:
        model: The estimator.
        crop_size: S.

    Returns:
        ``crop_size``, ``num_keypoints``, ``depth_bins``, ``num_hypotheses``, ``window``, ``peak_threshold``,
        ``align_corners``, ``flip_test``, ``xy_window``, ``xy_peak_window``, ``skeleton``; ``mean``, ``std`` and
        ``bgr_to_rgb`` of the crops.
    """
    head, flip_test = model.head, bool((model.test_cfg or {}).get('flip_test', False))
    return dict(crop_size=crop_size, num_keypoints=head.num_keypoints, depth_bins=head.depth_bins,
                align_corners=head.align_corners, flip_test=flip_test, skeleton=model.skeleton.name,
                **asdict(head.decoding(model.test_cfg)), **_colours(model))


def _colours(model: nn.Module) -> dict[str, Any]:
    """Return the colour settings of a detector's data preprocessor."""
    own = model.data_preprocessor
    mean, std = (getattr(own, name, None) for name in ('mean', 'std'))
    return dict(mean=[0.0] * 3 if mean is None else mean.flatten().float().tolist(),
                std=[1.0] * 3 if std is None else std.flatten().float().tolist(),
                bgr_to_rgb=bool(getattr(own, '_channel_conversion', False)))
