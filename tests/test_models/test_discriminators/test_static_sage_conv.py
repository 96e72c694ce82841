import torch
from torch.autograd import gradcheck
from torch_geometric.nn import SAGEConv

from mmxas.models.discriminators.skeleton_graph import adjacency_matrix, neighbour_averages, undirected_edges
from mmxas.models.discriminators.static_sage_conv import StaticSAGEConv

EDGES = undirected_edges(4, ((0, 1), (1, 2), (0, 3)))
AVERAGES = neighbour_averages(adjacency_matrix(4, EDGES))


def test_state_dict_is_torch_geometrics() -> None:
    ours, sparse = StaticSAGEConv(3, 5).state_dict(), SAGEConv(3, 5, aggr='mean').state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in sparse.items()}


def test_equals_torch_geometric() -> None:
    torch.manual_seed(0)
    ours, sparse = StaticSAGEConv(3, 5), SAGEConv(3, 5, aggr='mean')
    sparse.load_state_dict(ours.state_dict())
    nodes = torch.randn(6, 4, 3)
    torch.testing.assert_close(ours(nodes.transpose(0, 1), AVERAGES).transpose(0, 1), sparse(nodes, EDGES),
                               rtol=0, atol=1e-6)


def test_gradcheck() -> None:
    conv = StaticSAGEConv(2, 3).double()
    nodes = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda n, *_: conv(n, AVERAGES.double()), (nodes, *conv.parameters()))
