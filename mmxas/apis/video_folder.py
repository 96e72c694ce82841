"""The folder of a video's results: its frames, line by line, and where an earlier run stopped."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.io import file_sha256, named_when_broken, read_json, to_json, write_whole
from mmxas.io.boxes import read_boxes
from mmxas.io.clips import Clip

from .video_detection import VideoDetector
from .xas_inferencer import XASInferencer

LINES, FACTS = 'predictions.jsonl', 'video.json'
_READABLE = ('bytes', 'fps', 'key_every', 'all_views')  # other settings are digests
PRODUCTS = ('overlay.mp4', 'poses.npz', 'poses_2d.h5', 'poses_2d.csv', 'poses_3d.h5', 'poses_3d.csv', 'poses.html')


def run_settings(inferencer: XASInferencer, clip: Clip, key_every: int, all_views: bool,
                 boxes: Mapping[str, Any] | str | Path | None, camera: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings that must be equal for a run to resume an earlier one.

    Args:
        inferencer: The detector.
        clip: The video.
        key_every: As in :func:`.infer_video`.
        all_views: As in :func:`.infer_video`.
        boxes: As in :func:`.infer_video`.
        camera: As in :func:`.infer_video`.
    """
    config = inferencer.cfg
    parts = dict(model=config.model, pipeline=config.test_dataloader.dataset.pipeline)
    detector = _digest({name: part.to_dict() if hasattr(part, 'to_dict') else part for name, part in parts.items()})
    weights = inferencer.weights_file
    given = read_boxes(boxes) if isinstance(boxes, str | Path) else boxes
    files = [(path.name, path.stat()) for path in clip.images or [clip.source]]
    return dict(
        bytes=files[0][1].st_size if not clip.images else None,
        modification_time=max(stat.st_mtime_ns for _, stat in files),
        images=_digest([(name, stat.st_size) for name, stat in files]) if clip.images else None,
        fps=clip.rate, detector=detector, weights=None if weights is None else file_sha256(weights),
        key_every=key_every, all_views=all_views, boxes=None if given is None else _digest(dict(given)),
        camera=None if camera is None else _digest({key: np.asarray(camera[key]).tolist() for key in sorted(camera)}))


class VideoFolder:
    """Results of one video with one setting.

    Args:
        root: The folder; created if missing.
        clip: The video.
        settings: See :func:`run_settings`.
        overwrite: Remove results of another video or of other settings.

    Attributes:
        lines: File with one record per frame.
        complete: Whether all frames are written.

    Raises:
        ValueError: The folder has results of another video or of other settings; the message names one.
    """

    def __init__(self, root: Path, clip: Clip, settings: Mapping[str, Any], overwrite: bool = False) -> None:
        self.root, self.lines, self._facts = root, root / LINES, root / FACTS
        self.complete = False
        height, width = clip.shape
        self._content: dict[str, Any] = dict(
            source=str(clip.source), frames=len(clip), fps=clip.rate, width=width, height=height, complete=False,
            settings=dict(settings))
        if self.lines.exists():
            self._compare(overwrite)

    def _compare(self, overwrite: bool) -> None:
        """Keep, refuse or remove what an earlier run left."""
        found = read_json(self._facts, ['source', 'settings', 'complete']) if self._facts.exists() else None
        differs = self._difference(found)
        if differs and not overwrite:
            raise ValueError(f'{self.root}: has {differs}; choose another folder (--out-dir), or --overwrite')
        if differs:
            for name in (FACTS, LINES, *PRODUCTS):
                (self.root / name).unlink(missing_ok=True)
        elif found is not None:
            self.complete = bool(found['complete'])
            if found['source'] != self._content['source']:  # it has moved
                write_whole(self._facts, to_json(dict(found, source=self._content['source'])).encode())

    def _difference(self, found: Mapping[str, Any] | None) -> str:
        """Return how the existing results differ; empty if they do not."""
        if found is None:
            return f'a {LINES} without {FACTS}'
        if Path(found['source']).name != Path(self._content['source']).name:
            return f'results of another video, {found["source"]}'
        before, now = found['settings'], self._content['settings']
        differs = next((key for key in now if before.get(key) != now[key]), None)
        if differs is None:
            return ''
        values = f' ({before.get(differs)} there, {now[differs]} now)' if differs in _READABLE else ''
        return f'results of {self._content["source"]} with different {differs}{values}'

    def begin(self, detector: VideoDetector) -> int:
        """Prepare the detector to resume, drop the frames to repeat, and return the number of the first."""
        if not self.lines.exists():
            write_whole(self._facts, to_json(self._content).encode())
            self.lines.touch()
            return 0
        starts, keys = [0], []
        every, block = detector.follower.every, detector.block
        with self.lines.open('rb') as file:
            for number, line in enumerate(file):
                if not line.endswith(b'\n'):
                    break
                if number % every == 0 and detector.follower.given is None:
                    keys.append(self._key_boxes(line, number))
                starts.append(starts[-1] + len(line))
        done = len(starts) - 1
        start = done if self.complete else done // block * block
        if not self.complete:
            os.truncate(self.lines, starts[start])
            detector.follower.resume(key for key in keys if key[0] < start)
        return start

    def _key_boxes(self, line: bytes, number: int) -> tuple[int, np.ndarray]:
        with named_when_broken(self.lines, f'line {number + 1} is no key frame', 'start over with --overwrite'):
            record = json.loads(line)
            if record['frame'] != number:
                raise ValueError(f'frame {number} expected, found {record["frame"]}')
            return number, np.array(record['key_boxes'], dtype=np.float64).reshape(-1, 4)

    @contextmanager
    def appending(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Yield a function that appends one frame; a partly written frame is removed.

        Raises:
            OSError: A frame cannot be written, for example on a full disk; the message names the file.
        """
        with self.lines.open('ab', buffering=0) as file:
            def append(record: Mapping[str, Any]) -> None:
                start, rest = file.tell(), json.dumps(record, allow_nan=False).encode() + b'\n'
                try:
                    while rest:
                        rest = rest[file.write(rest):]
                except OSError as error:
                    file.truncate(start)
                    raise OSError(error.errno, f'{error.strerror}, at frame {record["frame"]}; make room, and run the '
                                  'command again to continue', str(self.lines)) from error
            yield append

    def end(self, frames: int) -> None:
        """Record that all frames are written, and how many."""
        self.complete = True
        write_whole(self._facts, to_json(dict(self._content, frames=frames, complete=True)).encode())


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
