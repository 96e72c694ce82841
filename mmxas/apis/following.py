"""Track bodies through the frames of a clip: find boxes and masks in key frames, and interpolate in between.

Boxes are x0, y0, x1, y1 in px on pixel edges.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmxas.io.boxes import match_bodies
from mmxas.io.clips import Frame
from mmxas.masks.segmenter import clip_box
from mmxas.ops.key_frames import interpolate_boxes, move_mask
from mmxas.ops.tracking import Tracks, update_tracks

MAX_ABSENCE = 45  # frames, or three key frames, for which an identity is remembered
Segment = Callable[[Frame, np.ndarray], np.ndarray | None]


class Body(NamedTuple):
    """One body in one frame.

    Attributes:
        identity: The same in all frames.
        box: (4,) float64.
        score: Score of the box; 1 without a detector.
        source: ``'given'``, ``'found'`` or ``'image'``.
        mask: (h, w) bool, or None if there is none.
    """

    identity: int
    box: np.ndarray
    score: float
    source: str
    mask: np.ndarray | None


class Found(NamedTuple):
    """What was found in a key frame: boxes (M, 4), scores (M,), and the source of the boxes."""

    boxes: np.ndarray
    scores: np.ndarray
    source: str


class Followed(NamedTuple):
    """A frame, its bodies, and what was found in it if it is a key frame whose number is a multiple of ``every``."""

    frame: Frame
    bodies: list[Body]
    found: Found | None


@dataclass
class _KeyFrame:
    frame: Frame
    found: Found
    rows: dict[int, int]  # identity to row of the boxes
    masks: dict[int, np.ndarray | None] = field(default_factory=dict)


class Follower:
    """Finds the bodies of each frame of a clip, from its first frame or from a key frame on.

    A body is present between two key frames if it was found in both; its box is interpolated linearly. A body found in
    only one of them is left out. The last frame is also a key frame.

    Args:
        find: Function from an image (h, w, 3) BGR to what is found in it.
        segment: Function from a frame and a box (4,) to the mask (h, w) bool of the body, or None.
        every: Distance of two key frames, in frames.
        given: Boxes of the caller, used instead of ``find``. Defaults to None.

    Raises:
        ValueError: ``every`` is less than 1.
    """

    def __init__(self, find: Callable[[np.ndarray], Found], segment: Segment, every: int = 15,
                 given: GivenBoxes | None = None) -> None:
        if every < 1:
            raise ValueError(f'every={every}: expected 1 or more frames')
        self.find, self.segment, self.every, self.given = find, segment, every, given
        self._tracks = Tracks()
        self._before: set[int] | None = None  # identities of the key frame before

    def resume(self, found: Iterable[tuple[int, np.ndarray]]) -> None:
        """Go through the key frames of an earlier run, before the frames that are to follow.

        Args:
            found: Number of each key frame, and the boxes (M, 4) that were found in it.
        """
        for index, boxes in found:
            self._before = set(self._identify(index, boxes).tolist())

    def follow(self, frames: Iterable[Frame]) -> Iterator[Followed]:
        """Yield each frame with its bodies, ``every`` frames late.

        Args:
            frames: In order; the first is the clip's first, or the key frame after those of :meth:`resume`.
        """
        key: _KeyFrame | None = None
        waiting: list[Frame] = []
        for frame in frames:
            if key is None:
                key = self._key_frame(frame)
            elif frame.index % self.every == 0:
                after = self._key_frame(frame)
                yield from self._between(key, after, waiting)
                key, waiting = after, []
            waiting.append(frame)
        if key is not None:
            after = key if len(waiting) == 1 else self._key_frame(waiting[-1])
            yield from self._between(key, after, waiting)

    def _key_frame(self, frame: Frame) -> _KeyFrame:
        if self.given is not None:
            return _KeyFrame(frame, self.given.found, {})
        found = self.find(frame.image)
        identities = self._identify(frame.index, found.boxes)
        return _KeyFrame(frame, found, {identity: row for row, identity in enumerate(identities.tolist())})

    def _identify(self, index: int, boxes: np.ndarray) -> np.ndarray:
        identities, self._tracks = update_tracks(self._tracks, boxes, index, max(MAX_ABSENCE, 3 * self.every))
        return identities

    def _between(self, before: _KeyFrame, after: _KeyFrame, frames: Sequence[Frame]) -> Iterator[Followed]:
        """Yield the frames from one key frame on, up to the other or with it."""
        shared = [identity for identity in before.rows if identity in after.rows]
        if before is after and self._before is not None:
            shared = [identity for identity in shared if identity in self._before]
        boxes = {identity: self._boxes(identity, before, after) for identity in shared}
        staying = [identity for identity in before.rows if identity in (self._before or ()) and identity not in boxes]
        for frame in frames:
            first, own = frame.index == before.frame.index, {}
            if self.given is not None:
                own = self.given.at(frame.index)
            else:
                own = {identity: moved[frame.index - before.frame.index] for identity, moved in boxes.items()}
                own |= {identity: before.found.boxes[before.rows[identity]].astype(np.float64)
                        for identity in staying if first}
            nearest = before if 2 * frame.index <= before.frame.index + after.frame.index else after
            bodies = [self._body(identity, own[identity], nearest, frame) for identity in sorted(own)]
            key = first and frame.index % self.every == 0 and self.given is None
            yield Followed(frame, bodies, before.found if key else None)
        self._before = set(before.rows)

    @staticmethod
    def _boxes(identity: int, before: _KeyFrame, after: _KeyFrame) -> np.ndarray:
        """Return the boxes (T, 4) of a body from one key frame to the other."""
        ends = [key.found.boxes[key.rows[identity]] for key in (before, after)]
        first, last = before.frame.index, after.frame.index
        if first == last:
            return np.array(ends[:1], dtype=np.float64)
        return interpolate_boxes(np.array([first, last]), np.array(ends), np.arange(first, last + 1))

    def _body(self, identity: int, box: np.ndarray, key: _KeyFrame, frame: Frame) -> Body:
        """Return a body whose mask is the key frame's, moved with its box."""
        origin = self.given.at(key.frame.index).get(identity) if self.given is not None else \
            key.found.boxes[key.rows[identity]].astype(np.float64)
        if origin is None:  # given boxes need not be there in key frames
            return Body(identity, box, 1.0, key.found.source, self.segment(frame, box))
        if identity not in key.masks:
            key.masks[identity] = self.segment(key.frame, origin)
        mask = key.masks[identity]
        if mask is not None and key.frame.index != frame.index:
            mask = move_mask(mask, origin, box)
        score = 1.0 if self.given is not None else float(key.found.scores[key.rows[identity]])
        return Body(identity, box, score, key.found.source, mask)


class GivenBoxes:
    """Boxes of the caller; between two listed frames, the boxes of bodies in both are interpolated linearly.

    Args:
        boxes: ``{frame: [[x0, y0, x1, y1], ...]}``, ``[]`` for no body, as in :func:`~mmxas.io.boxes.match_bodies`.
            Frames that are not listed are not searched. Or the path of a JSON file with such a dict.
        names: Name of each frame.
        shape: (h, w) of the frames.

    Raises:
        ValueError: No frame has this name, or a box is invalid or outside the image.
    """

    found = Found(np.zeros((0, 4)), np.zeros(0), 'given')

    def __init__(self, boxes: Mapping[str, Any] | str | Path, names: Sequence[str], shape: tuple[int, int]) -> None:
        numbers = {name: number for number, name in enumerate(names)}
        listed = {numbers[name]: bodies for name, bodies in match_bodies(boxes, names).items()}
        self._frames = np.array(sorted(listed), dtype=np.int64)
        every = int(np.diff(self._frames).max(initial=1))
        tracks, self._boxes = Tracks(), []
        for number in self._frames.tolist():
            own = np.array(list(listed[number].values()), dtype=np.float64).reshape(-1, 4)
            for box in own:
                try:
                    clip_box(box, shape)
                except ValueError as error:
                    raise ValueError(f'{names[number]}: {error}') from error
            identities, tracks = update_tracks(tracks, own, number, max(MAX_ABSENCE, 3 * every))
            self._boxes.append(dict(zip(identities.tolist(), own, strict=True)))

    def at(self, frame: int) -> dict[int, np.ndarray]:
        """Return the boxes (4,) of a frame by identity."""
        after = int(np.searchsorted(self._frames, frame))
        if after < len(self._frames) and self._frames[after] == frame:
            return self._boxes[after]
        if after in (0, len(self._frames)):
            return {}
        ends = self._frames[after - 1:after + 1]
        first, last = self._boxes[after - 1:after + 1]
        return {identity: interpolate_boxes(ends, np.stack([box, last[identity]]), np.array([frame]))[0]
                for identity, box in first.items() if identity in last}
