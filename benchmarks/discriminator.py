"""The graph discriminator on hypotheses: scores, and the gradients of poses and parameters."""
from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from mmxas.datasets.skeletons import load_skeleton
from mmxas.models.discriminators import GCNDiscriminator
from mmxas.models.discriminators.gcn_discriminator import GraphBranch, GraphConv
from mmxas.models.discriminators.skeleton_graph import bone_vectors, neighbour_averages, undirected_edges
from mmxas.models.discriminators.static_sage_conv import StaticSAGEConv
from mmxas.ops.products import linear

N, H = 32, 3
SKELETON = load_skeleton('h36m18')


class PlainDiscriminator(nn.Module):
    """The same parameters in torch-geometric's layers, on a sparse graph of all poses that each forward builds.

    Args:
        network: Whose parameters are copied.
    """

    def __init__(self, network: GCNDiscriminator) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.edges = undirected_edges(network.num_keypoints, SKELETON.links)
        for module in self.network.modules():
            if isinstance(module, GraphConv):
                sparse = SAGEConv(*module.conv.lin_l.weight.shape[::-1], aggr='mean')
                sparse.load_state_dict(module.conv.state_dict())
                module.conv = sparse

    def forward(self, poses: Tensor) -> Tensor:
        """(M, K, 3) to (M, 1)."""
        own, (num, keypoints, _) = self.network, poses.shape
        offsets = torch.arange(num)[:, None, None] * keypoints
        edges = (offsets + self.edges).transpose(0, 1).reshape(2, -1)
        positions = own.positions.repeat(num, 1)
        nodes = (poses.flatten(0, 1), bone_vectors(poses, own.parents).flatten(0, 1))
        features = [branch(torch.cat([n, positions], dim=-1), edges)
                    for branch, n in zip((own.keypoint_branch, own.bone_branch), nodes)]
        return own.head(torch.cat(features, dim=-1).view(num, -1))


class FewerOperations(nn.Module):
    """The same parameters and scores with three fifths of the operations.

    The averaging matrix of an undirected graph is similar to a symmetric one: A = B diag(l) B^-1. The graph never
    changes, so B is a constant, and a convolution is one product a node, with ``l_i W_l + W_r``, between B^-1 and B. A
    branch's first convolution reads a linear layer of 6 channels, so both are one linear map of 7 channels and their
    averages.

    Args:
        network: Whose parameters are copied.
    """

    def __init__(self, network: GCNDiscriminator) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        for module in list(self.network.modules()):
            if isinstance(module, GraphConv):
                module.conv = EigenConv(module.conv, network.adjacency.double())
        for name in ('keypoint_branch', 'bone_branch'):
            setattr(self.network, name, FoldedBranch(getattr(self.network, name)))

    def forward(self, poses: Tensor) -> Tensor:
        """(M, K, 3) to (M, 1)."""
        return self.network(poses)


class EigenConv(nn.Module):
    """A StaticSAGEConv in the eigenbasis of its averages.

    Args:
        conv: Whose parameters are used.
        adjacency: (K, K), symmetric.
    """

    def __init__(self, conv: StaticSAGEConv, adjacency: Tensor) -> None:
        super().__init__()
        self.lin_l, self.lin_r = conv.lin_l, conv.lin_r
        root = adjacency.sum(dim=1).sqrt()
        values, vectors = torch.linalg.eigh(root[:, None] * neighbour_averages(adjacency, adjacency.dtype) / root)
        constants = dict(values=values[:, None, None], basis=vectors / root[:, None], inverse=vectors.T * root)
        for name, constant in constants.items():
            self.register_buffer(name, constant.to(conv.lin_l.weight.dtype))

    def forward(self, features: Tensor, _: Tensor) -> Tensor:
        """(K, M, C) to (K, M, C)."""
        weights = self.values * self.lin_l.weight.T + self.lin_r.weight.T
        products = (self.inverse @ features.flatten(1)).view(features.shape) @ weights
        return (self.basis @ products.flatten(1)).view(features.shape) + self.lin_l.bias


class FoldedBranch(nn.Module):
    """A GraphBranch whose first convolution reads the nodes themselves.

    Args:
        branch: Whose parts are used.
    """

    def __init__(self, branch: GraphBranch) -> None:
        super().__init__()
        self.input, self.residual, self.refine = branch.input, branch.residual, branch.refine

    def forward(self, nodes: Tensor, averages: Tensor) -> Tensor:
        """(K, M, in_channels) and (K, K) to (K, M, C)."""
        first, second = self.residual[0].first, self.residual[0].second
        folded = first.norm(self._convolve_input(first.conv, nodes, averages)).relu_()
        features = self.input(nodes) + second(folded, averages)
        for module in self.residual[1:]:
            features = module(features, averages)
        return self.refine(features, averages)

    def _convolve_input(self, conv: EigenConv, nodes: Tensor, averages: Tensor) -> Tensor:
        weight = torch.cat([self.input.weight, self.input.bias[:, None]], dim=1)
        nodes = torch.cat([nodes, torch.ones_like(nodes[..., :1])], dim=-1)
        neighbours = (averages @ nodes.flatten(1)).view(nodes.shape)
        weights = torch.cat([conv.lin_l.weight @ weight, conv.lin_r.weight @ weight], dim=1)
        return linear(torch.cat([neighbours, nodes], dim=-1), weights, conv.lin_l.bias)


FORMS = {'plain': PlainDiscriminator, 'ours': lambda network: network, 'fewer': FewerOperations}


def build(way: str, num_poses: int = N * H) -> Callable[[], tuple[Tensor, Tensor]]:
    """One forward and backward of one of ``FORMS``; returns scores and the poses' gradient."""
    torch.manual_seed(0)
    network = GCNDiscriminator(SKELETON, width=128, num_modules=2, dropout=0.0)
    poses = torch.randn(num_poses, SKELETON.num_keypoints, 3)
    network = FORMS[way](network)  # after the poses: the plain one's layers draw random weights before they get ours

    def run() -> tuple[Tensor, Tensor]:
        network.zero_grad(set_to_none=True)
        leaf = poses.detach().requires_grad_()
        scores = network(leaf)
        scores.square().mean().backward()
        return scores.detach(), leaf.grad

    return run


CONTESTS = [Contest('discriminator', f'GCN discriminator, {N} x {H} hypotheses, forward + backward', build, 4.0,
                    authors_ms=19.0, as_authors=dict(num_poses=32))]
