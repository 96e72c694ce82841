"""The table that all keypoint formats are read into and written from.

Shapes: N poses, H hypotheses per pose, K keypoints, D = 2 or 3 coordinates.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress, count

import numpy as np


@dataclass(frozen=True)
class KeypointTable:
    r"""Poses in images, with one or several hypotheses per pose.

    Args:
        names: Names of the K keypoints, without duplicates.
        images: Image of each of the N poses: a file with ``/`` between folders (``\`` is converted), or ``clip.mp4:7``
            for frame 7 of a video.
        keypoints: (N, H, K, D) float64 x, y, and z if D is 3, in ``units``; nan where unknown.
        scores: (N, H, K) confidences, or None. Defaults to None.
        individuals: Name of the individual of each of the N poses; empty if unnamed. Defaults to empty strings.
        scorers: Name of the scorer of each of the H hypotheses. Defaults to ``('mmxas',)``, numbered if H > 1.
        links: Pairs of linked keypoints. Defaults to none.
        units: Unit of each coordinate. Defaults to px, px, mm.
        boxes: (N, 4) x0, y0, x1, y1 px, nan where unknown, or None. Defaults to None.
        sizes: ``{image: (width, height)}`` in px, None for an unknown size. It lists every image, including those
            without a pose; missing ones of ``images`` are added. Defaults to none.
        bodies: ``{individual: names of its keypoints}`` if the file states them. Defaults to none.
        extras: Additional entries of the COCO annotation per pose; only COCO's json stores them. Defaults to none.

    Raises:
        ValueError: A name is duplicate, or shapes or lengths do not match; the message shows both.
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
    sizes: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    bodies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extras: tuple[Mapping[str, object], ...] = ()

    def __post_init__(self) -> None:
        keypoints = np.asarray(self.keypoints, np.float64)
        if keypoints.ndim != 4 or keypoints.shape[-1] not in (2, 3) or not keypoints.shape[1]:
            raise ValueError(f'keypoints of shape (N, H, K, 2 or 3) expected, {keypoints.shape} found')
        poses, hypotheses, points, dims = keypoints.shape
        images = tuple(name.replace('\\', '/') for name in self.images)
        sizes = {name.replace('\\', '/'): size for name, size in self.sizes.items()}
        complete = dict(
            keypoints=keypoints, images=images, sizes=dict.fromkeys([*sizes, *images]) | sizes,
            individuals=self.individuals or ('',) * poses, extras=self.extras or ({},) * poses,
            scorers=self.scorers or numbered('mmxas', hypotheses), units=self.units or ('px', 'px', 'mm')[:dims])
        shapes = dict(names=(points,), images=(poses,), individuals=(poses,), scorers=(hypotheses,), units=(dims,),
                      extras=(poses,), scores=(poses, hypotheses, points), boxes=(poses, 4))
        vars(self).update(complete)  # it is frozen from here on
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None and np.shape(value)[:len(shape)] != shape:
                raise ValueError(f'{name} {shape} expected for keypoints {keypoints.shape}, found {np.shape(value)}')
            if name in ('names', 'scorers') and repeated(value):
                raise ValueError(f'{name}: {repeated(value)!r} is named twice')

    def top1(self) -> KeypointTable:
        """Return the first hypothesis of each pose."""
        return replace(self, keypoints=self.keypoints[:, :1], scorers=self.scorers[:1],
                       scores=None if self.scores is None else self.scores[:, :1])

    def flat(self) -> KeypointTable:
        """Return x and y of the first hypothesis of each pose, as 2D formats store them."""
        return replace(self.top1(), keypoints=self.keypoints[:, :1, :, :2], units=self.units[:2])

    def renamed(self, names: Mapping[str, str]) -> KeypointTable:
        """Return the table with renamed keypoints.

        Args:
            names: Old name to new name; others keep theirs.

        Raises:
            ValueError: An old name is not a keypoint, or a new name is duplicate.
        """
        for unknown in sorted(set(names) - set(self.names)):
            raise ValueError(f'keypoint {unknown!r} cannot be renamed: there are {", ".join(self.names)}')
        new, *bodies = (tuple(names.get(name, name) for name in old) for old in (self.names, *self.bodies.values()))
        return replace(self, names=new, bodies=dict(zip(self.bodies, bodies, strict=True)))

    def arranged(self, names: Sequence[str], links: Sequence[tuple[int, int]] = ()) -> KeypointTable:
        """Return the table with keypoints in another order, such as a skeleton's; missing keypoints become unknown.

        Args:
            names: Names of the keypoints in the new order.
            links: Links between these. Defaults to none.

        Raises:
            ValueError: The table has none of these keypoints.
        """
        if not set(names) & set(self.names):
            raise ValueError(f'no keypoint in common: {", ".join(self.names)}; {", ".join(names)} wanted; rename some')
        index = [self.names.index(name) if name in self.names else -1 for name in names]
        keypoints, scores = (None if array is None else np.insert(array, len(self.names), np.nan, axis=2)[:, :, index]
                             for array in (self.keypoints, self.scores))
        return replace(self, names=tuple(names), keypoints=keypoints, scores=scores, links=tuple(links), bodies={})

    def named_individuals(self) -> KeypointTable:
        """Return the poses with at least one known keypoint, with unique individuals per image.

        Unnamed individuals are called ``individual1``, ``individual2`` and so on.
        """
        kept = np.isfinite(self.keypoints).any(axis=(1, 2, 3))
        texts = {name: tuple(compress(getattr(self, name), kept)) for name in ('images', 'individuals', 'extras')}
        scores, boxes = (None if array is None else array[kept] for array in (self.scores, self.boxes))
        table = replace(self, keypoints=self.keypoints[kept], scores=scores, boxes=boxes, **texts)
        if set(table.individuals) <= {''} and repeated(table.images) is None:
            return table
        names, taken = list(table.individuals), set()
        for pose in sorted(range(len(names)), key=lambda pose: not names[pose]):  # existing names are kept
            choices = chain(filter(None, [names[pose]]), map('individual{}'.format, count(1)))
            names[pose] = next(name for name in choices if (table.images[pose], name) not in taken)
            taken.add((table.images[pose], names[pose]))
        return replace(table, individuals=tuple(names))


def numbered(scorer: str, hypotheses: int) -> tuple[str, ...]:
    """Return names for the hypotheses of one scorer: its name for one, with ``_1``, ``_2``, … for several."""
    return (scorer,) if hypotheses == 1 else tuple(f'{scorer}_{number + 1}' for number in range(hypotheses))


def repeated(items: Iterable) -> object | None:
    """Return the first duplicate item, or None."""
    return next((item for item, times in Counter(items).items() if times > 1), None)
