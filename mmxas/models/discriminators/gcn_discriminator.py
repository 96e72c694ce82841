"""Graph discriminator on keypoints and bones (equations 11-13, appendix B).

Symbols: M poses, K keypoints, C width.
"""
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch_geometric.nn import LayerNorm, SAGEConv

from mmxas.datasets.skeletons import Skeleton
from mmxas.ops.checks import check_choice, check_shape
from mmxas.registry import MODELS

from .skeleton_graph import bone_parents, bone_vectors, sinusoidal_positions, skeleton_links, undirected_edges


class GraphConv(nn.Module):
    """SAGEConv, LayerNorm, ReLU.

    Args:
        width: Channels in and out.
        norm: ``'node'`` or ``'graph'``; see :class:`GCNDiscriminator`.
    """

    def __init__(self, width: int, norm: str = 'node') -> None:
        super().__init__()
        self.conv = SAGEConv(width, width, aggr='mean')
        self.norm = LayerNorm(width, mode=norm)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """(M, K, C) and (2, E) to (M, K, C); all poses share the edges."""
        return self.norm(self.conv(features, edges)).relu()


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

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """(M, K, C) and (2, E) to (M, K, C)."""
        return features + self.second(self.first(features, edges), edges)


class GraphBranch(nn.Module):
    """Feature extractor of one representation: a linear layer, residual modules, one more GraphConv.

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

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        """(M, K, in_channels) and (2, E) to (M, K, C)."""
        features = self.input(nodes)
        for module in self.residual:
            features = module(features, edges)
        return self.refine(features, edges)


@MODELS.register_module()
class GCNDiscriminator(BaseModule):
    """Scores poses by two graph networks, on keypoints and on bones, and a joint head (appendix B).

    Nodes are the keypoints (equation 11) and the bones (equation 12; the root has a bone of length zero), edges the
    skeleton's links in both directions (equation 13). A sinusoidal code of the node's index is concatenated to it.

    Args:
        skeleton: Name, json path, dict or Skeleton. Or give ``num_keypoints`` and ``links``.
        num_keypoints: K, without a skeleton.
        links: (parent, child) pairs, without a skeleton.
        width: C. Defaults to 128.
        num_modules: Residual modules of each branch. Defaults to 2.
        head_channels: Hidden channels of the head. Defaults to 512.
        dropout: Dropout in the head. Defaults to 0.2.
        norm: LayerNorm over the channels of each ``'node'``, or over the whole ``'graph'`` of all poses of a call
            together (the released code: a pose's score then depends on its neighbours). Defaults to 'node'.
        self_loops: Whether each node is among its own neighbours (the released code). Defaults to False.
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
        constants = dict(
            edges=undirected_edges(self.num_keypoints, links, self_loops),
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

        Args:
            keypoints: (M, K, 3) root-centred, norm frame.

        Returns:
            (M, 1) raw scores: towards 1 for real, 0 for fake.
        """
        check_shape(keypoints, ('M', self.num_keypoints, 3), 'keypoints')
        positions = self.positions.to(keypoints.dtype).expand(len(keypoints), -1, -1)
        bones = bone_vectors(keypoints, self.parents)
        features = torch.cat([
            self.keypoint_branch(torch.cat([keypoints, positions], dim=-1), self.edges),
            self.bone_branch(torch.cat([bones, positions], dim=-1), self.edges)], dim=-1)
        return self.head(features.flatten(1))


_RELEASED_KEYS = (
    (r'joint_input_layer\.', 'keypoint_branch.input.'),
    (r'bone_input_layer\.', 'bone_branch.input.'),
    (r'header\.layer1\.', 'head.hidden.'),
    (r'header\.layer2\.', 'head.output.'),
)


def discriminator_state_from_released(state: Mapping[str, Tensor]) -> OrderedDict:
    """Map the keys of the released dual-representation discriminator to those of :class:`GCNDiscriminator`.

    ``joint_gcn`` and ``bone_gcn`` are the branches; of their modules the last is the refining GraphConv, the others
    are residual, with ``gc1``, ``ln1`` the first GraphConv's convolution and norm, ``gc2``, ``ln2`` the second's.

    Args:
        state: Released state, ``smpl_discriminator.`` in front of the keys or not; other keys are left out.

    Returns:
        State for ``GCNDiscriminator.load_state_dict``; values are untouched. The released network is
        ``GCNDiscriminator(norm='graph', self_loops=True)``.
    """
    keys = {re.sub(r'^(.*\.)?smpl_discriminator\.', '', key): value for key, value in state.items()}
    modules = [int(match.group(1)) for key in keys if (match := re.match(r'joint_gcn\.(\d+)\.', key))]
    converted = OrderedDict()
    for key, value in keys.items():
        layer = re.fullmatch(r'(joint|bone)_gcn\.(\d+)\.(gc|ln)([12])\.(.+)', key)
        if layer:
            branch, module, kind, order, rest = layer.groups()
            place = 'refine' if int(module) == max(modules) else \
                f'residual.{module}.{"first" if order == "1" else "second"}'
            prefix = 'keypoint_branch' if branch == 'joint' else 'bone_branch'
            converted[f'{prefix}.{place}.{"conv" if kind == "gc" else "norm"}.{rest}'] = value
            continue
        for pattern, new in _RELEASED_KEYS:
            if re.match(pattern, key):
                converted[re.sub(pattern, new, key)] = value
    return converted
