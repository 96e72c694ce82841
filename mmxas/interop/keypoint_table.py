"""What every format of keypoints is read into, and written from.

Shapes: N poses, H hypotheses of each, K keypoints, D = 2 or 3 coordinates.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress, count

import numpy as np


@dataclass(frozen=True)
class KeypointTable:
    r"""Poses of images, each with one or several hypotheses.

    Args:
        names: Names of the K keypoints, each once.
        images: Image of each of the N poses: a file with ``/`` between folders (``\`` becomes it), or ``clip.mp4:7``,
            frame 7 of a video.
        keypoints: (N, H, K, D) float64 x, y, and z where D is 3, in ``units``; not a number where one is not known.
        scores: (N, H, K) confidences, or None. Defaults to None.
        individuals: Who each of the N poses is of; empty strings where nobody is named. Defaults to empty strings.
        scorers: Who gives each of the H hypotheses. Defaults to ``('mmxas',)``, with numbers where H is above 1.
        links: Pairs of keypoints that a skeleton links. Defaults to none.
        units: Unit of each coordinate. Defaults to px, px, mm.
        boxes: (N, 4) x0, y0, x1, y1 px, not a number where one is not known, or None. Defaults to None.
        sizes: ``{image: (width, height)}`` in px, None for a size that is not known. Every image stands here, also one
            without a pose; those of ``images`` that are missing are added. Defaults to none.
        bodies: ``{individual: names of its keypoints}`` where a file says who has which. Defaults to none.
        extras: For each pose, further entries of its COCO annotation, which only COCO's json holds. Defaults to none.

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
        """The first hypothesis of each pose only."""
        return replace(self, keypoints=self.keypoints[:, :1], scorers=self.scorers[:1],
                       scores=None if self.scores is None else self.scores[:, :1])

    def flat(self) -> KeypointTable:
        """The first hypothesis of each pose, x and y only: what formats of 2D keypoints hold."""
        return replace(self.top1(), keypoints=self.keypoints[:, :1, :, :2], units=self.units[:2])

    def renamed(self, names: Mapping[str, str]) -> KeypointTable:
        """Give keypoints other names.

        Args:
            names: Old name to new name; others keep theirs.

        Raises:
            ValueError: An old name is none of the keypoints, or a new one comes twice.
        """
        for unknown in sorted(set(names) - set(self.names)):
            raise ValueError(f'keypoint {unknown!r} cannot be renamed: there are {", ".join(self.names)}')
        new, *bodies = (tuple(names.get(name, name) for name in old) for old in (self.names, *self.bodies.values()))
        return replace(self, names=new, bodies=dict(zip(self.bodies, bodies, strict=True)))

    def arranged(self, names: Sequence[str], links: Sequence[tuple[int, int]] = ()) -> KeypointTable:
        """Bring keypoints into another order, such as a skeleton's; one that is not here is unknown in every pose.

        Args:
            names: Names of the keypoints wanted.
            links: Links between these. Defaults to none.

        Raises:
            ValueError: None of them is here.
        """
        if not set(names) & set(self.names):
            raise ValueError(f'no keypoint in common: {", ".join(self.names)}; {", ".join(names)} wanted; rename some')
        index = [self.names.index(name) if name in self.names else -1 for name in names]
        keypoints, scores = (None if array is None else np.insert(array, len(self.names), np.nan, axis=2)[:, :, index]
                             for array in (self.keypoints, self.scores))
        return replace(self, names=tuple(names), keypoints=keypoints, scores=scores, links=tuple(links), bodies={})

    def named_individuals(self) -> KeypointTable:
        """Return the poses that have a known keypoint, with individuals that differ within each image.

        Where a name is missing, the individual is called ``individual1``, ``individual2`` and so on.
        """
        kept = np.isfinite(self.keypoints).any(axis=(1, 2, 3))
        texts = {name: tuple(compress(getattr(self, name), kept)) for name in ('images', 'individuals', 'extras')}
        scores, boxes = (None if array is None else array[kept] for array in (self.scores, self.boxes))
        table = replace(self, keypoints=self.keypoints[kept], scores=scores, boxes=boxes, **texts)
        if set(table.individuals) <= {''} and repeated(table.images) is None:
            return table
        names, taken = list(table.individuals), set()
        for pose in sorted(range(len(names)), key=lambda pose: not names[pose]):  # who has a name keeps it
            choices = chain(filter(None, [names[pose]]), map('individual{}'.format, count(1)))
            names[pose] = next(name for name in choices if (table.images[pose], name) not in taken)
            taken.add((table.images[pose], names[pose]))
        return replace(table, individuals=tuple(names))


def numbered(scorer: str, hypotheses: int) -> tuple[str, ...]:
    """Names of H hypotheses of one scorer: its name alone for one, with ``_1``, ``_2``, … for several."""
    return (scorer,) if hypotheses == 1 else tuple(f'{scorer}_{number + 1}' for number in range(hypotheses))


def repeated(items: Iterable) -> object | None:
    """The first item that comes twice, or None."""
    return next((item for item, times in Counter(items).items() if times > 1), None)
