"""Measures of a pose's symmetry (in the released code, not in the paper).

Symbols: K keypoints, P pairs of bones, T triples of keypoints. A bone is (parent, child).
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_shape

Bone = tuple[int, int]


def side_bone_pairs(parents: Sequence[int], flip_pairs: Sequence[tuple[int, int]]) -> tuple[tuple[Bone, Bone], ...]:
    """Return pairs of left bones and their right counterparts.

    Args:
        parents: Parent of each of the K keypoints; the root's is itself.
        flip_pairs: (left, right) keypoints.

    Returns:
        Pairs of bones in the order of ``flip_pairs``, except for keypoints whose parents are not counterparts.
    """
    partner = _partners(parents, flip_pairs)
    return tuple(((parents[left], left), (parents[right], right)) for left, right in flip_pairs
                 if partner[parents[left]] == parents[right] and parents[left] != left)


def limb_bone_pairs(parents: Sequence[int], flip_pairs: Sequence[tuple[int, int]]) -> tuple[tuple[Bone, Bone], ...]:
    """Return pairs of each limb's lower and upper bone (shin and thigh, forearm and upper arm; released code).

    Args:
        parents: Parent of each of the K keypoints; the root's is itself.
        flip_pairs: (left, right) keypoints.

    Returns:
        Pairs of bones (lower, upper) whose three keypoints all have counterparts on the other side.
    """
    sided = {keypoint for pair in flip_pairs for keypoint in pair}
    chains = [(child, parents[child], parents[parents[child]]) for pair in flip_pairs for child in pair]
    return tuple(((middle, child), (upper, middle)) for child, middle, upper in chains
                 if sided.issuperset((child, middle, upper)) and len({child, middle, upper}) == 3)


def centre_triples(parents: Sequence[int], flip_pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Return flip pairs with an unpaired common parent, and the parent (hips and root, shoulders and thorax).

    Args:
        parents: Parent of each of the K keypoints; the root's is itself.
        flip_pairs: (left, right) keypoints.

    Returns:
        Triples (left, right, centre).
    """
    partner = _partners(parents, flip_pairs)
    return tuple((left, right, parents[left]) for left, right in flip_pairs
                 if parents[left] == parents[right] and partner[parents[left]] == parents[left])


def bone_symmetry(keypoints: Tensor, bone_pairs: Sequence[tuple[Bone, Bone]] | Tensor) -> Tensor:
    """Return the squared difference of two bones' lengths, averaged over pairs.

    Args:
        keypoints: (..., K, 3) in any isotropic unit (the released code: metres).
        bone_pairs: (P, 2, 2) keypoint indices, from :func:`side_bone_pairs` or :func:`limb_bone_pairs`.

    Returns:
        (...) one value per pose, in squared units.

    Raises:
        ValueError: If a shape is wrong or there are no pairs.
    """
    check_shape(keypoints, ('...', 'K', 3), 'keypoints')
    index = _index(bone_pairs, (2, 2), 'bone_pairs', keypoints)
    bones = keypoints[..., index[..., 1], :] - keypoints[..., index[..., 0], :]
    # The floor keeps the gradient of a bone of length zero finite.
    lengths = bones.square().sum(dim=-1).clamp_min(1e-12).sqrt()
    return (lengths[..., 0] - lengths[..., 1]).square().mean(dim=-1)


def keypoint_symmetry(keypoints: Tensor, triples: Sequence[tuple[int, int, int]] | Tensor) -> Tensor:
    """Return the squared difference of a pair's midpoint and its centre, averaged over triples and coordinates.

    Args:
        keypoints: (..., K, C) in any unit, C 2 or 3.
        triples: (T, 3) keypoint indices (left, right, centre), from :func:`centre_triples`.

    Returns:
        (...) one value per pose, in squared units.

    Raises:
        ValueError: If a shape is wrong or there are no triples.
    """
    check_shape(keypoints, ('...', 'K', None), 'keypoints')
    index = _index(triples, (3,), 'triples', keypoints)
    left, right, centre = (keypoints[..., index[:, i], :] for i in range(3))
    return ((left + right) / 2.0 - centre).square().mean(dim=(-2, -1))


def _partners(parents: Sequence[int], flip_pairs: Sequence[tuple[int, int]]) -> list[int]:
    partner = list(range(len(parents)))
    for left, right in flip_pairs:
        partner[left], partner[right] = right, left
    return partner


def _index(values: Sequence | Tensor, tail: tuple[int, ...], name: str, keypoints: Tensor) -> Tensor:
    index = torch.as_tensor(values, dtype=torch.int64, device=keypoints.device)
    if len(index) == 0:
        raise ValueError(f'{name}: expected at least one, got none (does the skeleton have flip_pairs?)')
    check_shape(index, (None, *tail), name)
    return index
