"""GraphSAGE convolution on a graph that never changes, as dense matrix products.

Symbols: M graphs, K nodes, C channels.
"""
import torch
from torch import Tensor, nn

from mmxas.ops.products import linear


class StaticSAGEConv(nn.Module):
    """torch-geometric's ``SAGEConv(aggr='mean')`` for many graphs of one shape; same parameters, same names.

    A node's new features are ``lin_l(mean of its neighbours') + lin_r(its own)``. All graphs share a K x K matrix of
    averages, and with nodes in front of graphs it is applied to all of them by one product.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.lin_l = nn.Linear(in_channels, out_channels)
        self.lin_r = nn.Linear(in_channels, out_channels, bias=False)

    def forward(self, features: Tensor, averages: Tensor) -> Tensor:
        """(K, M, C) and (K, K), from :func:`~.skeleton_graph.neighbour_averages`, to (K, M, out_channels)."""
        neighbours = (averages @ features.flatten(1)).view(features.shape)
        weight = torch.cat([self.lin_l.weight, self.lin_r.weight], dim=1)
        return linear(torch.cat([neighbours, features], dim=-1), weight, self.lin_l.bias)
