import torch
from torch import nn
from torch.autograd import gradcheck
from torch_geometric.nn import SAGEConv

from mmxas.models.discriminators.skeleton_graph import GraphBasis, adjacency_matrix, graph_basis, undirected_edges
from mmxas.models.discriminators.static_sage_conv import StaticSAGEConv

EDGES = undirected_edges(4, ((0, 1), (1, 2), (0, 3)))
GRAPH = graph_basis(adjacency_matrix(4, EDGES))
SINGLE = GraphBasis(*(constant.float() for constant in GRAPH))


def test_state_dict_is_torch_geometrics() -> None:
    ours, sparse = StaticSAGEConv(3, 5).state_dict(), SAGEConv(3, 5, aggr='mean').state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in sparse.items()}


def test_equals_torch_geometric() -> None:
    torch.manual_seed(0)
    ours, sparse = StaticSAGEConv(3, 5), SAGEConv(3, 5, aggr='mean')
    sparse.load_state_dict(ours.state_dict())
    nodes = torch.randn(6, 4, 3)
    torch.testing.assert_close(ours(nodes.transpose(0, 1), SINGLE).transpose(0, 1), sparse(nodes, EDGES),
                               rtol=0, atol=1e-6)


def test_after_linear_equals_one_after_the_other() -> None:
    torch.manual_seed(0)
    conv, layer = StaticSAGEConv(3, 5).double(), nn.Linear(2, 3).double()
    nodes = torch.randn(4, 6, 2, dtype=torch.float64)
    results = []
    for features in (conv(layer(nodes), GRAPH), conv.after_linear(nodes, layer, GRAPH)):
        results.append((features, *torch.autograd.grad(features.square().sum(),
                                                       [*conv.parameters(), *layer.parameters()])))
    for wanted, own in zip(*results, strict=True):
        torch.testing.assert_close(own, wanted, rtol=1e-9, atol=1e-12)


def test_gradcheck() -> None:
    conv = StaticSAGEConv(2, 3).double()
    nodes = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda n, *_: conv(n, GRAPH), (nodes, *conv.parameters()))
