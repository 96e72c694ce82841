"""Detect the bodies of successive frames: track boxes, and predict crops of several frames in one batch."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from mmpose.structures import PoseDataSample, merge_data_samples

from mmxas.datasets.transforms import SegmentInBox
from mmxas.io.clips import Frame, number_frames
from mmxas.ops.zoom import NO_ZOOM

from .camera_lift import lift_to_camera
from .following import Followed, Follower, Found, GivenBoxes
from .known_camera import KnownCamera
from .pose_record import pose_record
from .xas_inferencer import XASInferencer

T = TypeVar('T')
ONE_VIEW = dict(flip_test=False, zooms=list(NO_ZOOM), facings=0)  # test_cfg of videos without all_views
BLOCK = 16  # frames
BATCH = {'cpu': 4}  # crops of a batch by kind of device; on a CPU, heatmaps of more do not stay in its caches


def detect_frames(inferencer: XASInferencer, images: Iterable[np.ndarray], rate: float = 30.0, key_every: int = 15,
                  all_views: bool = False) -> Iterator[tuple[Frame, dict[str, Any]]]:
    """Detect and track the bodies in successive images from any source, such as a camera.

    Results are delayed by one block: at most 16 frames, or ``key_every`` if that is more. Memory does not grow with
    the number of images.

    Args:
        inferencer: The detector.
        images: (h, w, 3) uint8 BGR each, all of the same size; the iterator may be infinite.
        rate: Frames per second. Defaults to 30.
        key_every: Find boxes and masks in every n-th frame, and interpolate in between. Defaults to 15.
        all_views: Also use the mirrored and zoomed views and the search for the facing of the config
            (``test_cfg.flip_test``, ``zooms``, ``facings``). Defaults to False.

    Yields:
        Each frame, and what :func:`~.pose_record.pose_record` returns, with ``frame``, its number, instead of the
        description of the coordinates, and ``time`` in s. Instances have an ``identity``. In key frames, ``key_boxes``
        are all boxes that were found.

    Raises:
        ValueError: An image is not (h, w, 3) of uint8 or has another size than the first, or ``key_every`` is less than
            1.
    """
    yield from VideoDetector(inferencer, key_every, all_views).detect(number_frames(images, rate))


class VideoDetector:
    """Detects the bodies of successive frames with one inferencer.

    Results depend only on the frames of a block and the tracks before it, so a run that resumes at a block gives the
    same results as an uninterrupted one.

    Args:
        inferencer: The detector.
        key_every: As in :func:`detect_frames`.
        all_views: As in :func:`detect_frames`.
        given: Boxes to use instead of searching for them. Defaults to None.
        camera: Camera of all frames. Defaults to None: unknown.
    """

    def __init__(self, inferencer: XASInferencer, key_every: int = 15, all_views: bool = False,
                 given: GivenBoxes | None = None, camera: KnownCamera | None = None) -> None:
        self.inferencer, self.all_views, self.camera = inferencer, all_views, camera
        self.follower = Follower(self._find, self._segment, key_every, given)
        steps = inferencer.pipeline.transforms
        self._segmenting = next((step for step in steps if isinstance(step, SegmentInBox)), None)
        self._steps = [step for step in steps if step is not self._segmenting]

    @property
    def block(self) -> int:
        """Frames that are predicted together: the multiple of ``key_every`` that is at most 16, or ``key_every``."""
        return max(1, BLOCK // self.follower.every) * self.follower.every

    def detect(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, dict[str, Any]]]:
        """Yield each frame with its record.

        Args:
            frames: As in :meth:`.Follower.follow`.

        Yields:
            The frame, and what :func:`~.pose_record.pose_record` returns, with ``frame``, its number, instead of the
            description of the coordinates, and ``time`` in s. Instances have an ``identity``. In key frames,
            ``key_boxes`` are all boxes that were found.
        """
        for block, samples in _ahead(self._blocks(frames)):
            yield from self._predict(block, samples)

    def _blocks(self, frames: Iterable[Frame]) -> Iterator[tuple[list[Followed], list[dict]]]:
        """Yield the frames of each block, and the crops of their bodies."""
        block: list[Followed] = []
        samples: list[dict] = []
        for followed in self.follower.follow(frames):
            block.append(followed)
            samples += [self._sample(followed, number) for number in range(len(followed.bodies))]
            if (followed.frame.index + 1) % self.block == 0:
                yield block, samples
                block, samples = [], []
        if block:
            yield block, samples

    def _find(self, image: np.ndarray) -> Found:
        return Found(*self.inferencer.find_boxes(image))

    def _segment(self, frame: Frame, box: np.ndarray) -> np.ndarray | None:
        if self._segmenting is None:
            return None
        mask = self._segmenting(dict(img=frame.image, img_path=frame.name, bbox=box[None])).get('mask')
        return None if mask is None else mask > 0

    def _predict(self, block: list[Followed], samples: list[dict]) -> Iterator[tuple[Frame, dict[str, Any]]]:
        predicted: list[PoseDataSample] = []
        with _views(self.inferencer, self.all_views):
            size = BATCH.get(self.inferencer.model.data_preprocessor.device.type, BLOCK)
            for start in range(0, len(samples), size):
                predicted += self.inferencer.predict_crops(self.inferencer.collate_fn(samples[start:start + size]))
        rest = iter(predicted)
        for followed in block:
            yield followed.frame, self._record(followed, [next(rest) for _ in followed.bodies])

    def _sample(self, followed: Followed, number: int) -> dict:
        """Return the packed crop of one body."""
        frame, body = followed.frame, followed.bodies[number]
        info: dict[str, Any] = dict(
            self.inferencer.model.dataset_meta, img=frame.image, img_path=frame.name,
            bbox=body.box[None].astype(np.float32), bbox_score=np.array([body.score], dtype=np.float32),
            box_source=body.source)
        if body.mask is not None and body.mask.any():
            info['mask'] = body.mask.astype(np.uint8) * 255
        if self.camera is not None:
            info.update(camera=dict(K=self.camera.K), root_depth=float(self._depths(followed)[number]))
        for step in self._steps:
            info = step(info)
        return info

    def _depths(self, followed: Followed) -> np.ndarray:
        assert self.camera is not None
        if self.follower.given is None:
            self.camera.require_one(len(followed.bodies), followed.frame.name)
        return self.camera.root_depths(len(followed.bodies), followed.frame.name)

    def _record(self, followed: Followed, samples: list[PoseDataSample]) -> dict[str, Any]:
        frame = followed.frame
        sample = merge_data_samples(samples) if samples else self.inferencer.empty_sample()
        sample.set_metainfo(dict(img_path=frame.name, ori_shape=frame.image.shape[:2]))
        lifted = None
        if self.camera is not None and samples:
            lifted = lift_to_camera(sample, self.camera.K, self._depths(followed))
        record = pose_record(sample, self.inferencer.model.dataset_meta, self.camera if samples else None, lifted)
        record.update(frame=frame.index, time=round(frame.time, 6))
        for instance, body in zip(record['instances'], followed.bodies, strict=True):
            instance.update(identity=body.identity, box_source=body.source)
        if followed.found is not None:
            record['key_boxes'] = followed.found.boxes.tolist()
        return record


@contextmanager
def _views(inferencer: XASInferencer, every: bool) -> Iterator[None]:
    """Turn off zooms, mirroring and the search for the facing inside the block, unless ``every`` is True."""
    model = inferencer.model
    config: Mapping[str, Any] = model.test_cfg or {}
    if not every:
        model.test_cfg = {**config, **ONE_VIEW}
    try:
        yield
    finally:
        model.test_cfg = config


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items, while a thread prepares the next one."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
