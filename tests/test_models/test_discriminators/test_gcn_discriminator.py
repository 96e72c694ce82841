import copy

import pytest
import torch
from torch.autograd import gradcheck
from torch_geometric.nn import SAGEConv

from mmxas.models.conversion import released_names
from mmxas.models.discriminators import GCNDiscriminator
from mmxas.models.discriminators.gcn_discriminator import GraphConv
from mmxas.models.discriminators.skeleton_graph import GraphBasis, bone_vectors, undirected_edges
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

# Largest error against the recorded vectors (6e-8 measured, scores of about 0.2).
PARITY_TOLERANCE = 5e-6
LINKS = ((0, 1), (1, 2), (0, 3))
SKELETON = load_skeleton('h36m18')


def small(**options: object) -> GCNDiscriminator:
    torch.manual_seed(0)
    return GCNDiscriminator(num_keypoints=4, links=LINKS, width=8, head_channels=16, **options)


def test_parity_gcn_discriminator(parity) -> None:
    data = parity('gcn_discriminator.npz')
    released = {key.removeprefix('state/'): torch.from_numpy(value)
                for key, value in data.items() if key.startswith('state/')}
    network = GCNDiscriminator(
        num_keypoints=data['input'].shape[1], links=list(zip(data['parent'].tolist(), data['child'].tolist())),
        width=len(released['joint_input_layer.bias']), head_channels=len(released['header.layer1.bias']),
        norm='graph', self_loops=True).eval()
    names = released_names(f'discriminator.{name}' for name in network.state_dict())
    network.load_state_dict({ours.removeprefix('discriminator.'): released[key.removeprefix('smpl_discriminator.')]
                             for ours, (_, key) in names.items()})
    with torch.no_grad():
        output = network(torch.from_numpy(data['input']))
    torch.testing.assert_close(output, torch.from_numpy(data['output']), rtol=0, atol=PARITY_TOLERANCE)


@pytest.mark.parametrize('num', [0, 1, 5])
def test_cardinality(num: int) -> None:
    network = MODELS.build(dict(type='GCNDiscriminator', skeleton='h36m18', width=8))
    assert network(torch.randn(num, 18, 3)).shape == (num, 1)


def test_a_pose_is_scored_alone_under_node_norm_only() -> None:
    poses = torch.randn(5, 4, 3)
    node, graph = small().eval(), small(norm='graph').eval()
    torch.testing.assert_close(node(poses)[:2], node(poses[:2]))
    assert not torch.allclose(graph(poses)[:2], graph(poses[:2]), atol=1e-4)


def test_messages_pass_along_links_only() -> None:
    network = small(num_modules=0).eval()
    pose = torch.randn(1, 4, 3)
    moved = pose.clone()
    moved[:, 2] += 1.0
    nodes = [torch.cat([p, network.positions[None]], dim=-1).transpose(0, 1) for p in (pose, moved)]
    graph = GraphBasis(*(getattr(network, name).float() for name in GraphBasis._fields))
    before, after = (network.keypoint_branch(n, graph) for n in nodes)
    changed = (before - after).abs().sum(-1)[:, 0] > 1e-4
    assert changed.tolist() == [False, True, True, False]


def test_options_change_the_network() -> None:
    poses = torch.randn(3, 4, 3)
    assert not torch.allclose(small().eval()(poses), small(self_loops=True).eval()(poses))
    assert small(num_modules=1).eval()(poses).shape == (3, 1)
    assert not torch.allclose(small(dropout=0.5)(poses), small(dropout=0.5).eval()(poses))


def test_it_learns_to_tell_two_poses_apart() -> None:
    network = small(dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    poses = torch.randn(2, 4, 3)
    for _ in range(40):
        loss = (network(poses)[:, 0] - torch.tensor([0.0, 1.0])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


def test_functional_call_with_detached_parameters_gives_the_pose_its_gradient_only() -> None:
    network = small().eval()
    poses = torch.randn(3, 4, 3, requires_grad=True)
    frozen = {name: parameter.detach() for name, parameter in network.named_parameters()}
    torch.func.functional_call(network, frozen, (poses,)).sum().backward()
    assert poses.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


class SparseDiscriminator(torch.nn.Module):
    """The same network in torch-geometric's own layers, on one sparse graph that holds all poses."""

    def __init__(self, network: GCNDiscriminator, self_loops: bool) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.edges = undirected_edges(network.num_keypoints, SKELETON.links, self_loops)
        for module in self.network.modules():
            if isinstance(module, GraphConv):
                conv = SAGEConv(*module.conv.lin_l.weight.shape[::-1], aggr='mean').to(module.conv.lin_l.weight.dtype)
                conv.load_state_dict(module.conv.state_dict())
                module.conv = conv

    def forward(self, poses: torch.Tensor) -> torch.Tensor:
        own, (num, keypoints, _) = self.network, poses.shape
        offsets = torch.arange(num)[:, None, None] * keypoints
        edges = (offsets + self.edges).transpose(0, 1).reshape(2, -1)
        positions = own.positions.to(poses.dtype).repeat(num, 1)
        nodes = (poses.flatten(0, 1), bone_vectors(poses, own.parents).flatten(0, 1))
        features = []
        for branch, node in zip((own.keypoint_branch, own.bone_branch), nodes):
            features.append(branch.input(torch.cat([node, positions], dim=-1)))
            for module in (*branch.residual, branch.refine):
                features[-1] = module(features[-1], edges)
        return own.head(torch.cat(features, dim=-1).view(num, -1))


@pytest.mark.parametrize(('norm', 'self_loops'), [('node', False), ('graph', True)])
@pytest.mark.parametrize(('num', 'dtype', 'tolerance'),
                         [(5, torch.float64, 1e-10), (96, torch.float32, 1e-5), (7, torch.bfloat16, 1e-5)])
def test_equals_torch_geometric(norm: str, self_loops: bool, num: int, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    ours = GCNDiscriminator(SKELETON, width=32, head_channels=64, norm=norm, self_loops=self_loops, dropout=0.0)
    ours.to(torch.promote_types(dtype, torch.float32))
    sparse = SparseDiscriminator(ours, self_loops)
    poses = torch.randn(num, 18, 3, dtype=torch.promote_types(dtype, torch.float32))
    poses[0] = 0.0
    results = []
    for network in (ours, sparse):
        own = poses.clone().requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=dtype == torch.bfloat16 and network is ours):
            scores = network(own)
        scores.square().mean().backward()
        gradients = {name.removeprefix('network.'): p.grad for name, p in network.named_parameters()}
        results.append((scores.detach(), own.grad, gradients))
    (scores, own, gradients), (wanted, other, wanted_gradients) = results
    torch.testing.assert_close(scores, wanted, rtol=0, atol=tolerance)
    torch.testing.assert_close(own, other, rtol=0, atol=tolerance)
    assert gradients.keys() == wanted_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted_gradients[name], rtol=0, atol=tolerance, msg=name)


def test_gradcheck() -> None:
    network = small(num_modules=1).double().eval()
    poses = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    parameters = tuple(network.keypoint_branch.parameters())
    assert gradcheck(lambda p, *_: network(p), (poses, *parameters))


def test_autocast_leaves_scores_in_float32() -> None:
    network, poses = small().eval(), torch.randn(3, 4, 3)
    with torch.autocast('cpu', torch.bfloat16):
        scores = network(poses)
        rounded = network(poses.bfloat16())
    assert scores.dtype == rounded.dtype == torch.float32 and torch.equal(scores, network(poses))


def test_exceptions() -> None:
    with pytest.raises(ValueError, match=r'keypoints: shape \(M, 4, 3\) expected, got \(3, 5, 3\)'):
        small()(torch.zeros(3, 5, 3))
    with pytest.raises(ValueError, match="norm: one of 'node', 'graph' expected, got 'batch'"):
        small(norm='batch')
    with pytest.raises(ValueError, match=r'\(2, 0\) closes a cycle'):
        GCNDiscriminator(num_keypoints=3, links=[(0, 1), (1, 2), (2, 0)])
    with pytest.raises(ValueError, match="'paw' does not reach the root"):
        GCNDiscriminator(dict(name='cut', keypoints=['root', 'leg', 'paw'], parents=[0, 0, 2]))
