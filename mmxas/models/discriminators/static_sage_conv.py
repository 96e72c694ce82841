"""GraphSAGE convolution on a fixed graph, as dense matrix products.

Symbols: M graphs, K nodes, C channels.
"""
import torch
from torch import Tensor, nn

from mmxas.ops.kernels.products import linear

from .skeleton_graph import GraphBasis


class StaticSAGEConv(nn.Module):
    """torch-geometric's ``SAGEConv(aggr='mean')`` for many graphs with the same edges; parameters have the same names.

    The output of a node is ``lin_l(mean of its neighbours) + lin_r(node)``. All graphs share a K x K matrix of
    averages A = B diag(l) B^-1 (:func:`~.skeleton_graph.graph_basis`). Between B^-1 and B, the convolution is one
    product per node, with ``l_i W_l + W_r``, instead of two.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.lin_l = nn.Linear(in_channels, out_channels)
        self.lin_r = nn.Linear(in_channels, out_channels, bias=False)

    def forward(self, features: Tensor, graph: GraphBasis) -> Tensor:
        """Convolve (K, M, C) to (K, M, out_channels)."""
        weights = graph.values[:, None, None] * self.lin_l.weight.T + self.lin_r.weight.T
        products = (graph.inverse @ features.flatten(1)).view(features.shape) @ weights
        return (graph.basis @ products.flatten(1)).view(products.shape) + self.lin_l.bias

    def after_linear(self, nodes: Tensor, layer: nn.Linear, graph: GraphBasis) -> Tensor:
        """Return ``self(layer(nodes), graph)``, computed as one linear map of nodes and neighbour averages.

        This needs far fewer operations if the nodes have few channels.

        Args:
            nodes: (K, M, in_channels of the layer).
            layer: Linear layer with a bias.
            graph: Basis of the graph.

        Returns:
            (K, M, out_channels).
        """
        weight = torch.cat([layer.weight, layer.bias[:, None]], dim=1)
        nodes = torch.cat([nodes, torch.ones_like(nodes[..., :1])], dim=-1)
        neighbours = (graph.averages @ nodes.flatten(1)).view(nodes.shape)
        weights = torch.cat([self.lin_l.weight @ weight, self.lin_r.weight @ weight], dim=1)
        return linear(torch.cat([neighbours, nodes], dim=-1), weights, self.lin_l.bias)
