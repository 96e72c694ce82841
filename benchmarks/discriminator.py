"""Benchmark the graph discriminator on hypotheses, forward and backward."""
from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from mmxas.models.discriminators import GCNDiscriminator
from mmxas.models.discriminators.gcn_discriminator import GraphBranch, GraphConv
from mmxas.models.discriminators.skeleton_graph import bone_vectors, undirected_edges
from mmxas.structures import load_skeleton

N, H = 32, 3
SKELETON = load_skeleton('h36m18')


class PlainDiscriminator(nn.Module):
    """Discriminator of torch-geometric's layers, on a sparse graph of all poses that is built in each forward.

    Args:
        network: The discriminator whose parameters are copied.
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
        """Score poses (M, K, 3): (M, 1)."""
        own, (num, keypoints, _) = self.network, poses.shape
        offsets = torch.arange(num)[:, None, None] * keypoints
        edges = (offsets + self.edges).transpose(0, 1).reshape(2, -1)
        positions = own.positions.repeat(num, 1)
        nodes = (poses.flatten(0, 1), bone_vectors(poses, own.parents).flatten(0, 1))
        features = [self._features(branch, torch.cat([n, positions], dim=-1), edges)
                    for branch, n in zip((own.keypoint_branch, own.bone_branch), nodes)]
        return own.head(torch.cat(features, dim=-1).view(num, -1))

    @staticmethod
    def _features(branch: GraphBranch, nodes: Tensor, edges: Tensor) -> Tensor:
        features = branch.input(nodes)
        for module in (*branch.residual, branch.refine):
            features = module(features, edges)
        return features


FORMS = {'plain': PlainDiscriminator, 'ours': lambda network: network}


def build(way: str, num_poses: int = N * H) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that runs forward and backward of one of ``FORMS`` and returns scores and poses' gradient."""
    torch.manual_seed(0)
    network = GCNDiscriminator(SKELETON, width=128, num_modules=2, dropout=0.0)
    poses = torch.randn(num_poses, SKELETON.num_keypoints, 3)
    network = FORMS[way](network)  # after the poses: the plain layers draw random weights before they get ours

    def run() -> tuple[Tensor, Tensor]:
        network.zero_grad(set_to_none=True)
        leaf = poses.detach().requires_grad_()
        scores = network(leaf)
        scores.square().mean().backward()
        return scores.detach(), leaf.grad

    return run


CONTESTS = [Contest('discriminator', f'GCN discriminator, {N} x {H} hypotheses, forward + backward', build, 4.0,
                    authors_ms=19.0, as_authors=dict(num_poses=32))]
