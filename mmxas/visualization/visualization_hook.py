"""Draw a few pictures per validation, and the requested ones of a test."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.structures import PoseDataSample

from mmxas.datasets.transforms import read_image
from mmxas.registry import HOOKS


@HOOKS.register_module()
class XASVisualizationHook(Hook):
    """Draw predictions with the runner's visualizer; has the options of mmpose's ``PoseVisualizationHook``.

    mmpose's hook draws every sample of a test without ground truth. This one draws the first sample of a few batches of
    each validation, with its ground truth, into the backends (TensorBoard, local folder). In a test it draws every
    ``interval``-th sample if a folder or a window is requested.

    Args:
        enable: Whether to draw at all. Defaults to True.
        interval: In a test, draw every ``interval``-th sample. Defaults to 1.
        val_pictures: Number of batches per validation of which the first sample is drawn. Defaults to 2.
        draw_gt: Show the ground truth if samples have it. Defaults to True.
        kpt_thr: Keypoints of lower visibility are not drawn on the image. Defaults to 0.3.
        show: Open windows. Defaults to False.
        wait_time: Seconds to show a window; 0 waits for a key. Defaults to 0.
        out_dir: Folder of a test's pictures; a relative path is inside the run's folder in the work directory.
            Defaults to None: a test draws nothing unless ``show``.

    Raises:
        ValueError: ``interval`` is below 1.
    """

    def __init__(self, enable: bool = True, interval: int = 1, val_pictures: int = 2, draw_gt: bool = True,
                 kpt_thr: float = 0.3, show: bool = False, wait_time: float = 0.0, out_dir: str | None = None) -> None:
        if interval < 1:
            raise ValueError(f'interval: 1 or more expected, found {interval}')
        self.enable, self.interval, self.val_pictures, self.draw_gt = enable, interval, val_pictures, draw_gt
        self.kpt_thr, self.show, self.wait_time, self.out_dir = kpt_thr, show, wait_time, out_dir
        self._tested = 0

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any],
                       outputs: Sequence[PoseDataSample]) -> None:
        """Draw the first sample of the first batches."""
        if self.enable and batch_idx < self.val_pictures and _is_drawable(outputs):
            self._draw(runner.visualizer, runner.val_evaluator.dataset_meta, f'val_{batch_idx}', outputs[0],
                       data_batch['inputs'][0], step=runner.iter)

    def before_test_epoch(self, runner: Runner) -> None:
        """Count from the first sample."""
        self._tested = 0

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any],
                        outputs: Sequence[PoseDataSample]) -> None:
        """Draw every ``interval``-th sample into ``out_dir`` or a window."""
        if not self.enable or (self.out_dir is None and not self.show) or not _is_drawable(outputs):
            return
        for sample, crop in zip(outputs, data_batch['inputs'], strict=True):
            if self._tested % self.interval == 0:
                name = f'{self._tested:06d}_{_name(sample)}'
                folder = None if self.out_dir is None else Path(runner.work_dir, runner.timestamp, self.out_dir)
                self._draw(runner.visualizer, runner.test_evaluator.dataset_meta, name, sample, crop,
                           step=self._tested, out_file=None if folder is None else str(folder / f'{name}.png'))
            self._tested += 1

    def _draw(self, visualizer: Any, dataset_meta: Mapping, name: str, sample: PoseDataSample, crop: Any, step: int,
              out_file: str | None = None) -> None:
        visualizer.set_dataset_meta(dataset_meta)
        visualizer.add_datasample(name, whole_image(sample, crop), data_sample=sample, draw_gt=self.draw_gt,
                                  show=self.show, wait_time=self.wait_time, kpt_thr=self.kpt_thr, out_file=out_file,
                                  step=step)


def whole_image(sample: PoseDataSample, crop: Any) -> np.ndarray:
    """Return the whole image of a sample.

    Args:
        sample: Its metainfo has ``img_path``, or ``warp_mat`` (2, 3) image px to crop px and ``ori_shape`` (h, w).
        crop: (3, S, S) uint8 BGR tensor, the model's input.

    Returns:
        (h, w, 3) uint8 RGB: the file, or for an image in memory, the crop pasted into a black image.
    """
    path = sample.metainfo.get('img_path')
    if path is not None and Path(path).is_file():
        return np.ascontiguousarray(read_image(path)[..., ::-1])
    height, width = sample.metainfo['ori_shape'][:2]
    pixels = np.ascontiguousarray(crop.cpu().numpy().transpose(1, 2, 0)[..., ::-1])
    return cv2.warpAffine(pixels, np.asarray(sample.metainfo['warp_mat']), (width, height),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _is_drawable(outputs: Sequence) -> bool:
    """Return whether there are predictions of poses."""
    return len(outputs) > 0 and isinstance(outputs[0], PoseDataSample)


def _name(sample: PoseDataSample) -> str:
    """Return the file name of a sample's picture."""
    name = sample.metainfo.get('sample_name') or Path(sample.metainfo.get('img_path') or 'sample').stem
    return str(name).replace('/', '_')
