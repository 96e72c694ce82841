import pytest
import torch

from mmxas.models.discriminators import GCNDiscriminator, discriminator_state_from_released
from mmxas.registry import MODELS

# Largest error against the recorded vectors (6e-8 measured, scores of about 0.2).
PARITY_TOLERANCE = 5e-6
LINKS = ((0, 1), (1, 2), (0, 3))


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
    network.load_state_dict(discriminator_state_from_released(released))
    with torch.no_grad():
        output = network(torch.from_numpy(data['input']))
    torch.testing.assert_close(output, torch.from_numpy(data['output']), rtol=0, atol=PARITY_TOLERANCE)


def test_parity_layout_of_the_released_checkpoint(parity) -> None:
    layout = parity('official_checkpoint_layout.json')['unsup_disc']
    released = {key: torch.zeros(shape) for key, shape in layout.items()}
    converted = {key: tuple(value.shape) for key, value in discriminator_state_from_released(released).items()}
    ours = GCNDiscriminator('h36m18', norm='graph', self_loops=True).state_dict()
    assert converted == {key: tuple(value.shape) for key, value in ours.items()}
    assert len(converted) == len(layout)


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
    nodes = [torch.cat([p, network.positions[None]], dim=-1) for p in (pose, moved)]
    before, after = (network.keypoint_branch(n, network.edges) for n in nodes)
    changed = (before - after).abs().sum(-1)[0] > 0
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


def test_autocast_runs() -> None:
    with torch.autocast('cpu', torch.bfloat16):
        scores = small()(torch.randn(3, 4, 3))
    scores.float().sum().backward()
    assert scores.isfinite().all()


def test_exceptions() -> None:
    with pytest.raises(ValueError, match=r'keypoints: shape \(M, 4, 3\) expected, got \(3, 5, 3\)'):
        small()(torch.zeros(3, 5, 3))
    with pytest.raises(ValueError, match="norm: one of 'node', 'graph' expected, got 'batch'"):
        small(norm='batch')
    with pytest.raises(ValueError, match=r'\(2, 0\) closes a cycle'):
        GCNDiscriminator(num_keypoints=3, links=[(0, 1), (1, 2), (2, 0)])
    with pytest.raises(ValueError, match="'paw' does not reach the root"):
        GCNDiscriminator(dict(name='cut', keypoints=['root', 'leg', 'paw'], parents=[0, 0, 2]))
