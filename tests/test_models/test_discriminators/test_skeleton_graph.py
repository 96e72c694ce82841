import math

import pytest
import torch

from mmxas.models.discriminators.skeleton_graph import (
    adjacency_matrix,
    bone_parents,
    bone_vectors,
    check_tree,
    graph_basis,
    neighbour_averages,
    sinusoidal_positions,
    skeleton_links,
    undirected_edges,
)
from mmxas.structures import load_skeleton

LINKS = ((0, 1), (1, 2), (0, 3))


def test_links_from_a_skeleton_or_directly() -> None:
    skeleton = load_skeleton('h36m18')
    assert skeleton_links('h36m18', None, None) == (18, skeleton.links)
    assert skeleton_links(skeleton, None, None) == (18, skeleton.links)
    assert skeleton_links(None, 4, [[0, 1], [1, 2], [0, 3]]) == (4, LINKS)


@pytest.mark.parametrize(('arguments', 'message'), [
    ((None, None, None), 'either skeleton, or num_keypoints and links'),
    (('h36m18', None, LINKS), 'either skeleton, or num_keypoints and links'),
    ((None, None, LINKS), 'num_keypoints: needed with links'),
])
def test_exceptions(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        skeleton_links(*arguments)


@pytest.mark.parametrize(('links', 'message'), [
    (((0, 1), (1, 2), (2, 0), (0, 3)), r'\(2, 0\) closes a cycle'),
    (((0, 1), (1, 1)), r'\(1, 1\) closes a cycle'),
    (((0, 1), (1, 2)), r'keypoints \[3\] are not connected to keypoint 0'),
    (((0, 1), (2, 3)), r'keypoints \[2, 3\] are not connected to keypoint 0'),
    (((0, 1), (1, 2), (0, 4)), r'keypoints 0 to 3 expected, got \(0, 4\)'),
    (((0, 1), (2, 3), (3, 1)), 'keypoint 1 has a second parent, 3'),
    ((), r'keypoints \[1, 2, 3\] are not connected to keypoint 0'),
])
def test_no_tree_is_refused_by_name(links: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_tree(4, links)


def test_edges_run_both_ways() -> None:
    edges = {tuple(edge) for edge in undirected_edges(4, LINKS).t().tolist()}
    assert edges == {(0, 1), (1, 0), (1, 2), (2, 1), (0, 3), (3, 0)}
    assert undirected_edges(4, LINKS, self_loops=True).shape == (2, 10)


def test_averages_over_neighbours() -> None:
    averages = neighbour_averages(adjacency_matrix(4, undirected_edges(4, LINKS)))
    assert averages.tolist() == [[0, 0.5, 0, 0.5], [0.5, 0, 0.5, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    with_self = adjacency_matrix(4, undirected_edges(4, LINKS, self_loops=True))
    assert with_self[0].tolist() == [1, 1, 0, 1]
    thirds = neighbour_averages(with_self, torch.float64)
    assert thirds[0].tolist() == [1 / 3, 1 / 3, 0, 1 / 3] and thirds[3].tolist() == [0.5, 0, 0, 0.5]


@pytest.mark.parametrize('self_loops', [False, True])
def test_averages_are_diagonal_in_their_basis(self_loops: bool) -> None:
    adjacency = adjacency_matrix(4, undirected_edges(4, LINKS, self_loops))
    graph = graph_basis(adjacency)
    assert graph.averages.dtype == torch.float64
    torch.testing.assert_close(graph.basis @ graph.inverse, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(graph.basis * graph.values @ graph.inverse, neighbour_averages(adjacency, torch.float64))


def test_bones_point_to_the_parent_and_the_roots_is_zero() -> None:
    pose = torch.randn(2, 4, 3)
    bones = bone_vectors(pose, bone_parents(4, LINKS))
    assert bones[:, 0].eq(0).all()
    torch.testing.assert_close(bones[:, 2], pose[:, 1] - pose[:, 2])
    torch.testing.assert_close(bones[:, 3], pose[:, 0] - pose[:, 3])


def test_positions_are_sines_and_cosines_of_the_index() -> None:
    positions = sinusoidal_positions(5, 3)
    assert positions.shape == (5, 3)
    assert positions[0].tolist() == [0, 1, 0]
    assert positions[3].tolist() == pytest.approx(
        [math.sin(3), math.cos(3 / 10000 ** (2 / 3)), math.sin(3 / 10000 ** (4 / 3))])
