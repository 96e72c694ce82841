"""Graph discriminator on keypoints and bones (equations 11-13, appendix B).

Symbols: M poses, K keypoints, C width. Internally, the node axis comes first: (K, M, C).
"""
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch_geometric.nn import LayerNorm

from mmxas.ops.checks import check_choice, check_shape
from mmxas.ops.kernels.products import linear
from mmxas.registry import MODELS
from mmxas.structures import Skeleton

from .skeleton_graph import (
    GraphBasis,
    adjacency_matrix,
    bone_parents,
    bone_vectors,
    graph_basis,
    sinusoidal_positions,
    skeleton_links,
    undirected_edges,
)
from .static_sage_conv import StaticSAGEConv


class GraphConv(nn.Module):
    """SAGEConv, LayerNorm, ReLU.

    Args:
        width: Channels in and out.
        norm: ``'node'`` or ``'graph'``; see :class:`GCNDiscriminator`.
    """

    def __init__(self, width: int, norm: str = 'node') -> None:
        super().__init__()
        self.conv = StaticSAGEConv(width, width)
        self.norm = LayerNorm(width, mode=norm)

    def forward(self, features: Tensor, graph: GraphBasis) -> Tensor:
        """(K, M, C) to (K, M, C)."""
        return self._activate(self.conv(features, graph))

    def after_linear(self, nodes: Tensor, layer: nn.Linear, graph: GraphBasis) -> Tensor:
        """Return ``self(layer(nodes), graph)`` with fewer operations. (K, M, in_channels) to (K, M, C)."""
        return self._activate(self.conv.after_linear(nodes, layer, graph))

    def _activate(self, features: Tensor) -> Tensor:
        return self.norm(features).relu_()


class ResidualGraphConv(nn.Module):
    """Two GraphConvs with a residual connection.

    Args:
        width: Channels in and out.
        norm: ``'node'`` or ``'graph'``; see :class:`GCNDiscriminator`.
    """

    def __init__(self, width: int, norm: str = 'node') -> None:
        super().__init__()
        self.first = GraphConv(width, norm)
        self.second = GraphConv(width, norm)

    def forward(self, features: Tensor, graph: GraphBasis) -> Tensor:
        """(K, M, C) to (K, M, C)."""
        return features + self.second(self.first(features, graph), graph)

    def after_linear(self, nodes: Tensor, layer: nn.Linear, graph: GraphBasis) -> Tensor:
        """Return ``self(layer(nodes), graph)`` with fewer operations. (K, M, in_channels) to (K, M, C)."""
        return layer(nodes) + self.second(self.first.after_linear(nodes, layer, graph), graph)


class GraphBranch(nn.Module):
    """Feature extractor of one representation: a linear layer, residual modules, a final GraphConv.

    Args:
        in_channels: Channels of a node.
        width: C.
        num_modules: Number of residual modules.
        norm: ``'node'`` or ``'graph'``; see :class:`GCNDiscriminator`.
    """

    def __init__(self, in_channels: int, width: int, num_modules: int, norm: str) -> None:
        super().__init__()
        self.input = nn.Linear(in_channels, width)
        self.residual = nn.ModuleList(ResidualGraphConv(width, norm) for _ in range(num_modules))
        self.refine = GraphConv(width, norm)

    def forward(self, nodes: Tensor, graph: GraphBasis) -> Tensor:
        """(K, M, in_channels) to (K, M, C)."""
        first, *others = [*self.residual, self.refine]
        features = first.after_linear(nodes, self.input, graph)
        for module in others:
            features = module(features, graph)
        return features


@MODELS.register_module()
class GCNDiscriminator(BaseModule):
    """Discriminator with two graph networks, on keypoints and on bones, and a joint head (appendix B).

    Nodes are the keypoints (equation 11) and the bones (equation 12; the root has a bone of length zero); edges are the
    skeleton's links in both directions (equation 13). A sinusoidal encoding of its index is concatenated to each node.

    Args:
        skeleton: Name, JSON path, dict or Skeleton. Alternatively, give ``num_keypoints`` and ``links``.
        num_keypoints: Number of keypoints, K; only without a skeleton.
        links: (parent, child) pairs; only without a skeleton.
        width: Number of channels, C. Defaults to 128.
        num_modules: Residual modules of each branch. Defaults to 2.
        head_channels: Hidden channels of the head. Defaults to 512.
        dropout: Dropout in the head. Defaults to 0.2.
        norm: LayerNorm over the channels of each ``'node'``, or over the whole ``'graph'`` of all poses in a call
            together (the released code: a pose's score then depends on its neighbours). Defaults to 'node'.
        self_loops: Whether each node is its own neighbour too (the released code). Defaults to False.
        init_cfg: As in mmengine.

    Raises:
        ValueError: If the links are cyclic or disconnected, or an option is unknown.
    """

    def __init__(self, skeleton: str | Mapping | Skeleton | None = None, num_keypoints: int | None = None,
                 links: Sequence[tuple[int, int]] | None = None, width: int = 128, num_modules: int = 2,
                 head_channels: int = 512, dropout: float = 0.2, norm: str = 'node', self_loops: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_choice(norm, ('node', 'graph'), 'norm')
        self.num_keypoints, links = skeleton_links(skeleton, num_keypoints, links)
        edges = undirected_edges(self.num_keypoints, links, self_loops)
        constants = dict(
            **graph_basis(adjacency_matrix(self.num_keypoints, edges))._asdict(),  # in float64; forward casts
            parents=bone_parents(self.num_keypoints, links),
            positions=sinusoidal_positions(self.num_keypoints, 3))
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.keypoint_branch = GraphBranch(6, width, num_modules, norm)
        self.bone_branch = GraphBranch(6, width, num_modules, norm)
        self.head = nn.Sequential(OrderedDict(
            hidden=nn.Linear(2 * self.num_keypoints * width, head_channels),
            act=nn.ReLU(),
            dropout=nn.Dropout(dropout),
            output=nn.Linear(head_channels, 1)))

    def forward(self, keypoints: Tensor) -> Tensor:
        """Score poses.

        Computes in the parameters' data type even under autocast, as bfloat16 is too inexact for the changes of basis.

        Args:
            keypoints: (M, K, 3) root-centred, crop-normalised.

        Returns:
            (M, 1) raw scores, trained towards 1 for real and 0 for fake.
        """
        check_shape(keypoints, ('M', self.num_keypoints, 3), 'keypoints')
        with torch.autocast(keypoints.device.type, enabled=False):
            return self._score(keypoints.to(self.head.output.weight.dtype))

    def _score(self, keypoints: Tensor) -> Tensor:
        poses = keypoints.transpose(0, 1)
        positions = self.positions.to(keypoints.dtype)[:, None].expand_as(poses)
        bones = bone_vectors(keypoints, self.parents).transpose(0, 1)
        graph = GraphBasis(*(getattr(self, name).to(keypoints.dtype) for name in GraphBasis._fields))
        features = torch.cat([
            self.keypoint_branch(torch.cat([poses, positions], dim=-1), graph),
            self.bone_branch(torch.cat([bones, positions], dim=-1), graph)], dim=-1)
        hidden = linear(features.transpose(0, 1).flatten(1), self.head.hidden.weight, self.head.hidden.bias)
        return self.head[1:](hidden)
