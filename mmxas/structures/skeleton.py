"""Skeleton of a species as data: keypoints, the tree that links them, flip pairs, and how it is drawn.

Shapes: K keypoints, L drawn links.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmxas.io import read_json
from mmxas.io.shipped_files import find_shipped

Link = tuple[int, int]

SHIPPED_DIR = Path(__file__).parent / 'data'
_LEFT, _RIGHT, _MIDDLE = (0, 255, 0), (255, 128, 0), (51, 153, 255)


@dataclass(frozen=True)
class Skeleton:
    """Ordered keypoints and the tree that links them.

    Args:
        name: Name of the skeleton, also the ``dataset_name`` of its metainfo.
        keypoints: Unique names of the K keypoints.
        parents: Index of each keypoint's parent; the root is its own parent.
        flip_pairs: Pairs (left, right) that are exchanged in a mirrored image.
        root: Index of the root. Defaults to 0.
        extra_links: Links drawn in a skeleton mask that are not bones. Defaults to none.
        link_widths: Exponent factor of individual links, ``{(parent, child): factor}``; a factor above 1 draws the link
            narrower. Defaults to none: 1 for each link.

    Raises:
        ValueError: The links have a cycle or are not connected, a name or pair is repeated, or an index is out of
            range; the message names the keypoint.
    """

    name: str
    keypoints: tuple[str, ...]
    parents: tuple[int, ...]
    flip_pairs: tuple[Link, ...] = ()
    root: int = 0
    extra_links: tuple[Link, ...] = ()
    link_widths: Mapping[Link, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _rows(self.name, 'flip_pairs', self.flip_pairs, 'left', 'right')
        _rows(self.name, 'extra_links', self.extra_links, 'a', 'b')
        _validate_names(self)
        _validate_indices(self)
        _validate_tree(self)
        _validate_pairs(self)
        _validate_widths(self)

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> Skeleton:
        """Build a skeleton from plain data, as in a JSON file or config.

        Args:
            spec: The constructor's arguments, except that keypoints may be given by name or index, and that
                ``link_widths`` is a list of ``[parent, child, factor]``.

        Returns:
            The validated skeleton.

        Raises:
            ValueError: A key is missing or unknown, a keypoint's name is not in ``keypoints``, or a pair or link does
                not have two entries.
        """
        name = spec.get('name', 'unnamed')
        missing = [key for key in ('keypoints', 'parents') if key not in spec]
        unknown = sorted(set(spec) - set(cls.__dataclass_fields__))
        if missing or unknown:
            raise ValueError(f'skeleton {name!r}: missing keys {missing}, unknown keys {unknown}; '
                             f'expected {sorted(cls.__dataclass_fields__)}')
        keypoints = tuple(spec['keypoints'])

        def index(keypoint: str | int) -> int:
            if isinstance(keypoint, int):
                return keypoint
            if keypoint not in keypoints:
                raise ValueError(f'skeleton {name!r}: {keypoint!r} is not one of its keypoints {list(keypoints)}')
            return keypoints.index(keypoint)

        def links(key: str) -> tuple[Link, ...]:
            return tuple((index(a), index(b)) for a, b in _rows(name, key, spec.get(key, ()), 'a', 'b'))

        widths = _rows(name, 'link_widths', spec.get('link_widths', ()), 'parent', 'child', 'factor')

        return cls(
            name=name,
            keypoints=keypoints,
            parents=tuple(index(parent) for parent in spec['parents']),
            flip_pairs=links('flip_pairs'),
            root=index(spec.get('root', 0)),
            extra_links=links('extra_links'),
            link_widths={(index(a), index(b)): float(factor) for a, b, factor in widths})

    @classmethod
    def from_file(cls, path: str | Path) -> Skeleton:
        """Read a skeleton from a JSON file in the form of :meth:`from_dict`.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not JSON or not a valid skeleton; the message names the file.
        """
        path = Path(path)
        try:
            return cls.from_dict(read_json(path))
        except FileNotFoundError:
            raise FileNotFoundError(f'{path}: no such skeleton file') from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f'{path}: {error}') from error

    def to_dict(self) -> dict[str, Any]:
        """Return the skeleton as plain data, the inverse of :meth:`from_dict`."""
        return dict(
            name=self.name, keypoints=list(self.keypoints), parents=list(self.parents), root=self.root,
            flip_pairs=[list(pair) for pair in self.flip_pairs], extra_links=[list(link) for link in self.extra_links],
            link_widths=[[*link, factor] for link, factor in self.link_widths.items()])

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints, K."""
        return len(self.keypoints)

    @property
    def links(self) -> tuple[Link, ...]:
        """The K - 1 kinematic links (parent, child), in the order of the children."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if child != self.root)

    @property
    def drawn_links(self) -> tuple[Link, ...]:
        """The L links of the skeleton mask: the kinematic ones, then the extra ones."""
        return self.links + self.extra_links

    @property
    def width_factors(self) -> tuple[float, ...]:
        """The exponent factor of each of the L drawn links."""
        return tuple(float(self.link_widths.get(link, self.link_widths.get(link[::-1], 1.0)))
                     for link in self.drawn_links)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """Index of each keypoint's counterpart in a mirrored image, K values."""
        flipped = list(range(self.num_keypoints))
        for left, right in self.flip_pairs:
            flipped[left], flipped[right] = right, left
        return tuple(flipped)

    @property
    def colors(self) -> tuple[tuple[int, int, int], ...]:
        """One RGB colour per keypoint: left green, right orange, middle blue."""
        colors = [_MIDDLE] * self.num_keypoints
        for left, right in self.flip_pairs:
            colors[left], colors[right] = _LEFT, _RIGHT
        return tuple(colors)

    def to_metainfo(self) -> dict[str, Any]:
        """Return the description that mmpose's ``parse_pose_metainfo`` reads (kinematic links only)."""
        flip, colors = self.flip_indices, self.colors
        keypoint_info = {
            index: dict(id=index, name=name, type='', color=list(colors[index]),
                        swap='' if flip[index] == index else self.keypoints[flip[index]])
            for index, name in enumerate(self.keypoints)}
        skeleton_info = {
            index: dict(id=index, link=(self.keypoints[parent], self.keypoints[child]), color=list(colors[child]))
            for index, (parent, child) in enumerate(self.links)}
        return dict(dataset_name=self.name, keypoint_info=keypoint_info, skeleton_info=skeleton_info,
                    joint_weights=[1.0] * self.num_keypoints, sigmas=[0.05] * self.num_keypoints)


def require_same_skeleton(found: Skeleton, wanted: Skeleton, where: str) -> None:
    """Raise if a skeleton differs from the model's in keypoints, tree or flip pairs.

    Args:
        found: Skeleton of a part of the config.
        wanted: Skeleton of the model.
        where: Name of the part, such as ``'val_evaluator'``.

    Raises:
        ValueError: The skeletons differ; the message names both.
    """
    differing = [what for what in ('keypoints', 'parents', 'root', 'flip_pairs')
                 if getattr(found, what) != getattr(wanted, what)]
    if differing:
        raise ValueError(f'{where} has the skeleton {found.name!r} with {found.num_keypoints} keypoints, but '
                         f'model.skeleton is {wanted.name!r} with {wanted.num_keypoints} (other {differing[0]}): leave '
                         'the skeleton out here, so that the model\'s is taken, or set both to one')


def load_skeleton(skeleton: str | Path | Mapping[str, Any] | Skeleton | None) -> Skeleton:
    """Return a skeleton from any of the forms that a config may hold.

    Args:
        skeleton: The name of a shipped skeleton, such as ``'h36m18'``, the path of a JSON file (:func:`find_shipped`),
            plain data in the form of :meth:`Skeleton.from_dict`, or a skeleton, which is returned unchanged.

    Raises:
        FileNotFoundError: The string is neither a shipped name nor an existing file.
        ValueError: The skeleton is None or invalid.
    """
    if skeleton is None:
        raise ValueError('no skeleton given: state it as model.skeleton of the config, from which mmxas.datasets.'
                         'shared_parts.share_config and the loops of mmxas hand it on; or give skeleton=…, the name of '
                         f'a shipped one ({", ".join(_shipped())}) or a json file')
    if isinstance(skeleton, Skeleton):
        return skeleton
    if isinstance(skeleton, Mapping):
        return Skeleton.from_dict(skeleton)
    shipped = SHIPPED_DIR / f'{skeleton}.json'
    if shipped.is_file():
        return Skeleton.from_file(shipped)
    if find_shipped(skeleton).is_file():
        return Skeleton.from_file(find_shipped(skeleton))
    raise FileNotFoundError(f'skeleton {str(skeleton)!r} is neither a shipped one ({", ".join(_shipped())}) nor a json '
                            'file')


def _shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED_DIR.glob('*.json'))


def _rows(skeleton: str, key: str, rows: Any, *items: str) -> Any:
    """Return the rows of a list after checking that each has as many entries as there are ``items``."""
    if not isinstance(rows, list | tuple):
        raise ValueError(f'skeleton {skeleton!r}: {key} is {rows!r}, expected a list of ({", ".join(items)})')
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != len(items):
            raise ValueError(f'skeleton {skeleton!r}: {key} holds {row!r}, expected ({", ".join(items)})')
    return rows


def _validate_names(skeleton: Skeleton) -> None:
    if not skeleton.keypoints:
        raise ValueError(f'skeleton {skeleton.name!r} has no keypoints')
    seen: set[str] = set()
    for name in skeleton.keypoints:
        if name in seen:
            raise ValueError(f'skeleton {skeleton.name!r}: keypoint {name!r} is named twice')
        seen.add(name)
    if len(skeleton.parents) != skeleton.num_keypoints:
        raise ValueError(f'skeleton {skeleton.name!r}: {skeleton.num_keypoints} parents expected, one per keypoint; '
                         f'{len(skeleton.parents)} found')


def _validate_indices(skeleton: Skeleton) -> None:
    used = dict(parents=skeleton.parents, root=(skeleton.root,), flip_pairs=sum(skeleton.flip_pairs, ()),
                extra_links=sum(skeleton.extra_links, ()), link_widths=sum(skeleton.link_widths, ()))
    for key, indices in used.items():
        for index in indices:
            if not 0 <= index < skeleton.num_keypoints:
                raise ValueError(f'skeleton {skeleton.name!r}: {key} holds keypoint {index}, '
                                 f'expected 0 to {skeleton.num_keypoints - 1}')


def _validate_tree(skeleton: Skeleton) -> None:
    names, root = skeleton.keypoints, skeleton.root
    if skeleton.parents[root] != root:
        raise ValueError(f'skeleton {skeleton.name!r}: the root {names[root]!r} must be its own parent, '
                         f'not a child of {names[skeleton.parents[root]]!r}')
    for keypoint in range(skeleton.num_keypoints):
        path = [keypoint]
        while path[-1] != root:
            parent = skeleton.parents[path[-1]]
            if parent == path[-1]:
                raise ValueError(f'skeleton {skeleton.name!r} is disconnected: {names[keypoint]!r} does not reach the '
                                 f'root {names[root]!r}, its path ends at {names[parent]!r}')
            if parent in path:
                cycle = ' -> '.join(names[i] for i in [*path[path.index(parent):], parent])
                raise ValueError(f'skeleton {skeleton.name!r} has a cycle: {cycle}')
            path.append(parent)


def _validate_pairs(skeleton: Skeleton) -> None:
    partner: dict[int, int] = {}
    for left, right in skeleton.flip_pairs:
        for keypoint, other in ((left, right), (right, left)):
            if keypoint == other or keypoint in partner:
                names, known = skeleton.keypoints, partner.get(keypoint, keypoint)
                raise ValueError(f'skeleton {skeleton.name!r}: flip_pairs must be mutual, but {names[keypoint]!r} '
                                 f'is paired with {names[other]!r} and with {names[known]!r}')
            partner[keypoint] = other


def _validate_widths(skeleton: Skeleton) -> None:
    drawn = {frozenset(link) for link in skeleton.drawn_links}
    for (a, b), factor in skeleton.link_widths.items():
        link = f'{skeleton.keypoints[a]}-{skeleton.keypoints[b]}'
        if frozenset((a, b)) not in drawn:
            raise ValueError(f'skeleton {skeleton.name!r}: link_widths names {link}, which is not drawn')
        if not factor > 0:
            raise ValueError(f'skeleton {skeleton.name!r}: the width factor of {link} must be positive, not {factor}')
