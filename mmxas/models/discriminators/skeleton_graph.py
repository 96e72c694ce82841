"""The skeleton as a graph (equations 11-13): nodes, edges, bones and node positions.

Symbols: M poses, K keypoints.
"""
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmxas.structures import Skeleton, load_skeleton


def skeleton_links(skeleton: str | Mapping | Skeleton | None, num_keypoints: int | None,
                   links: Sequence[tuple[int, int]] | None) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the number of keypoints and the kinematic links, from a skeleton or as given.

    Args:
        skeleton: Any argument of :func:`mmxas.structures.load_skeleton`, or None.
        num_keypoints: K, without a skeleton.
        links: (parent, child) pairs, without a skeleton.

    Returns:
        K and K - 1 links that form a tree.

    Raises:
        ValueError: If neither or both are given, or the links do not form a tree over all keypoints.
    """
    if (skeleton is None) == (links is None):
        raise ValueError('a discriminator needs either skeleton, or num_keypoints and links')
    if skeleton is not None:
        skeleton = load_skeleton(skeleton)
        num_keypoints, links = skeleton.num_keypoints, skeleton.links
    if num_keypoints is None:
        raise ValueError('num_keypoints: needed with links')
    links = tuple((int(parent), int(child)) for parent, child in links)
    check_tree(num_keypoints, links)
    return num_keypoints, links


def check_tree(num_keypoints: int, links: Sequence[tuple[int, int]]) -> None:
    """Raise unless links form a tree: all keypoints connected, no cycle, one parent per child.

    Args:
        num_keypoints: K.
        links: (parent, child) pairs.

    Raises:
        ValueError: If not a tree; the message names the link that closes a cycle, or the unconnected keypoints.
    """
    group = list(range(num_keypoints))

    def find(keypoint: int) -> int:
        while group[keypoint] != keypoint:
            keypoint = group[keypoint]
        return keypoint

    children: set[int] = set()
    for parent, child in links:
        if not (0 <= parent < num_keypoints and 0 <= child < num_keypoints):
            raise ValueError(f'links: keypoints 0 to {num_keypoints - 1} expected, got {(parent, child)}')
        if find(parent) == find(child):
            raise ValueError(f'links: a tree expected, but {(parent, child)} closes a cycle')
        if child in children:
            raise ValueError(f'links: a tree expected, but keypoint {child} has a second parent, {parent}')
        children.add(child)
        group[find(child)] = find(parent)
    main = find(links[0][0]) if links else 0
    orphans = [keypoint for keypoint in range(num_keypoints) if find(keypoint) != main]
    if orphans:
        raise ValueError(f'links: a tree expected, but keypoints {orphans} are not connected to '
                         f'keypoint {links[0][0] if links else 0}')


def undirected_edges(num_keypoints: int, links: Sequence[tuple[int, int]], self_loops: bool = False) -> Tensor:
    """Return the edge index of the undirected graph, E_k and E_b of equation 13.

    Args:
        num_keypoints: K.
        links: (parent, child) pairs.
        self_loops: Whether each node is its own neighbour too.

    Returns:
        (2, E) int64, both directions of each link.
    """
    edges = [*links, *((child, parent) for parent, child in links)]
    if self_loops:
        edges += [(keypoint, keypoint) for keypoint in range(num_keypoints)]
    return torch.tensor(edges, dtype=torch.int64).t().contiguous()


def adjacency_matrix(num_keypoints: int, edges: Tensor) -> Tensor:
    """Return the adjacency matrix of a graph.

    Args:
        num_keypoints: K.
        edges: (2, E) from :func:`undirected_edges`.

    Returns:
        (K, K) int64; entry (i, j) is 1 where an edge runs from j to i.
    """
    source, target = edges
    return torch.zeros(num_keypoints, num_keypoints, dtype=torch.int64).index_put((target, source), torch.tensor(1))


def neighbour_averages(adjacency: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the matrix that averages over neighbours: adjacency (K, K) with each row divided by its sum."""
    adjacency = adjacency.to(dtype)
    return adjacency / adjacency.sum(dim=1, keepdim=True).clamp_min(1.0)


class GraphBasis(NamedTuple):
    """Matrix of neighbour averages of an undirected graph, and its diagonalisation.

    Attributes:
        averages: (K, K), A of :func:`neighbour_averages`.
        values: (K,), l of A = B diag(l) B^-1.
        basis: (K, K), B.
        inverse: (K, K), B^-1.
    """

    averages: Tensor
    values: Tensor
    basis: Tensor
    inverse: Tensor


def graph_basis(adjacency: Tensor) -> GraphBasis:
    """Diagonalise the neighbour averages of an undirected graph.

    With R the diagonal matrix of the square roots of the degrees, R A R^-1 is symmetric; its eigenvectors give B.

    Args:
        adjacency: (K, K) from :func:`adjacency_matrix`, symmetric.

    Returns:
        The basis, in float64.
    """
    averages = neighbour_averages(adjacency, torch.float64)
    root = adjacency.double().sum(dim=1).clamp_min(1.0).sqrt()
    values, vectors = torch.linalg.eigh(root[:, None] * averages / root)
    return GraphBasis(averages, values, vectors / root[:, None], vectors.T * root)


def bone_parents(num_keypoints: int, links: Sequence[tuple[int, int]]) -> Tensor:
    """Return the parent of each keypoint, (K,) int64; the root is its own parent."""
    parents = torch.arange(num_keypoints)
    for parent, child in links:
        parents[child] = parent
    return parents


def bone_vectors(keypoints: Tensor, parents: Tensor) -> Tensor:
    """Return the bone of each keypoint: parent minus keypoint (equation 12), zero for the root.

    The bone graph thus has K nodes and the same edges as the keypoints.

    Args:
        keypoints: (M, K, C).
        parents: (K,) from :func:`bone_parents`.

    Returns:
        (M, K, C).
    """
    return keypoints[:, parents] - keypoints


def sinusoidal_positions(num_nodes: int, channels: int) -> Tensor:
    """Return sinusoidal encodings of node indices.

    Channel j of node i is the sine (even j) or cosine (odd j) of ``i / 10000^(2 j / channels)``. As in the released
    code, the exponent counts single channels instead of pairs.

    Args:
        num_nodes: Number of nodes.
        channels: Channels of the encoding.

    Returns:
        (num_nodes, channels) float32.
    """
    channel = torch.arange(channels, dtype=torch.float64)
    angle = torch.arange(num_nodes, dtype=torch.float64)[:, None] / 10000.0 ** (2.0 * channel / channels)
    return torch.where(channel % 2 == 0, angle.sin(), angle.cos()).float()
