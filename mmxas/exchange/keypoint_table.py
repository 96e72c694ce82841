"""What every format of keypoints is read into, and written from.

Shapes: N poses, H hypotheses of each, K keypoints, D = 2 or 3 coordinates.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

UNITS = ('px', 'px', 'mm')


@dataclass(frozen=True)
class KeypointTable:
    """Poses of images, each with one or several hypotheses.

    Args:
        names: Names of the K keypoints, each once.
        images: Image of each of the N poses: a file, or what stands for one frame.
        keypoints: (N, H, K, D) float64 x, y, and z where D is 3, in ``units``; not a number where one is not known.
        scores: (N, H, K) confidences, or None. Defaults to None.
        individuals: Who each of the N poses is of; empty strings where nobody is named. Defaults to empty strings.
        scorers: Who gives each of the H hypotheses. Defaults to ``('mmxas',)``, with numbers where H is above 1.
        links: Pairs of keypoints that a skeleton links. Defaults to none.
        units: Unit of each coordinate. Defaults to px, px, mm.
        boxes: (N, 4) x0, y0, x1, y1 px, or None. Defaults to None.

    Raises:
        ValueError: A name is given twice, or shapes or lengths do not fit; the message has both.
    """

    names: tuple[str, ...]
    images: tuple[str, ...]
    keypoints: np.ndarray
    scores: np.ndarray | None = None
    individuals: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    units: tuple[str, ...] = ()
    boxes: np.ndarray | None = None

    def __post_init__(self) -> None:
        keypoints = np.asarray(self.keypoints, np.float64)
        if keypoints.ndim != 4 or keypoints.shape[-1] not in (2, 3) or not keypoints.shape[1]:
            raise ValueError(f'keypoints of shape (N, H, K, 2 or 3) expected, {keypoints.shape} found')
        count, hypotheses, _, dims = keypoints.shape
        put = object.__setattr__
        put(self, 'keypoints', keypoints)
        put(self, 'scores', None if self.scores is None else np.asarray(self.scores, np.float64))
        put(self, 'boxes', None if self.boxes is None else np.asarray(self.boxes, np.float64))
        put(self, 'individuals', self.individuals or ('',) * count)
        put(self, 'scorers', self.scorers or numbered('mmxas', hypotheses))
        put(self, 'units', self.units or UNITS[:dims])
        self._check(count, hypotheses, dims)

    def _check(self, count: int, hypotheses: int, dims: int) -> None:
        lengths = dict(names=self.keypoints.shape[2], images=count, individuals=count, scorers=hypotheses, units=dims)
        for field, length in lengths.items():
            if len(getattr(self, field)) != length:
                raise ValueError(f'{length} {field} expected for keypoints of shape {self.keypoints.shape}, '
                                 f'{len(getattr(self, field))} found')
        for field in ('names', 'scorers'):
            twice = repeated(getattr(self, field))
            if twice:
                raise ValueError(f'{field}: {twice!r} is named twice')
        for field, shape in (('scores', self.keypoints.shape[:-1]), ('boxes', (count, 4))):
            array = getattr(self, field)
            if array is not None and array.shape != shape:
                raise ValueError(f'{field} of shape {shape} expected, {array.shape} found')

    @property
    def dims(self) -> int:
        """D."""
        return self.keypoints.shape[-1]

    @property
    def num_hypotheses(self) -> int:
        """H."""
        return self.keypoints.shape[1]

    def confident(self) -> KeypointTable:
        """The first hypothesis of each pose only."""
        return replace(self, keypoints=self.keypoints[:, :1], scorers=self.scorers[:1],
                       scores=None if self.scores is None else self.scores[:, :1])

    def flat(self) -> KeypointTable:
        """The first hypothesis of each pose, x and y only: what formats of 2D keypoints hold."""
        first = self.confident()
        return replace(first, keypoints=first.keypoints[..., :2], units=first.units[:2])

    def renamed(self, names: Mapping[str, str]) -> KeypointTable:
        """Give keypoints other names.

        Args:
            names: Old name to new name; others keep theirs.

        Raises:
            ValueError: An old name is none of the keypoints, or a new one comes twice.
        """
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            raise ValueError(f'keypoint {unknown[0]!r} cannot be renamed: there are {", ".join(self.names)}')
        return replace(self, names=tuple(names.get(name, name) for name in self.names))

    def arranged(self, names: Sequence[str], links: Sequence[tuple[int, int]] = ()) -> KeypointTable:
        """Bring keypoints into another order, such as a skeleton's; one that is not here is unknown in every pose.

        Args:
            names: Names of the keypoints wanted.
            links: Links between these. Defaults to none.

        Raises:
            ValueError: None of them is here.
        """
        index = {name: number for number, name in enumerate(self.names)}
        if not set(names) & set(index):
            raise ValueError(f'no keypoint in common: {", ".join(self.names)} are here, {", ".join(names)} are wanted; '
                             'rename some')
        found = [(new, index[name]) for new, name in enumerate(names) if name in index]
        new, old = (list(side) for side in zip(*found, strict=True))
        keypoints = np.full((*self.keypoints.shape[:2], len(names), self.dims), np.nan)
        keypoints[:, :, new] = self.keypoints[:, :, old]
        scores = None
        if self.scores is not None:
            scores = np.full(keypoints.shape[:-1], np.nan)
            scores[:, :, new] = self.scores[:, :, old]
        return replace(self, names=tuple(names), keypoints=keypoints, scores=scores, links=tuple(links))

    def named_individuals(self) -> KeypointTable:
        """Poses whose individuals differ within each image: ``individual1`` and so on where nobody is named."""
        if repeated(tuple(zip(self.images, self.individuals))) is None:
            return self
        seen: dict[str, int] = {}
        names = []
        for image in self.images:
            seen[image] = seen.get(image, 0) + 1
            names.append(f'individual{seen[image]}')
        return replace(self, individuals=tuple(names))


def numbered(scorer: str, hypotheses: int) -> tuple[str, ...]:
    """Names of H hypotheses of one scorer: its name alone for one, with ``_1``, ``_2``, … for several."""
    return (scorer,) if hypotheses == 1 else tuple(f'{scorer}_{number + 1}' for number in range(hypotheses))


def repeated(items: Sequence) -> object | None:
    """The first item that comes twice, or None."""
    seen = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None
