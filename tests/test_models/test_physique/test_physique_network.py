import copy

import pytest
import torch

from mmxas.models.conversion import released_names
from mmxas.models.layers import convert_batch_norm
from mmxas.models.physique import PhysiqueNetwork
from mmxas.registry import MODELS

# Largest error against the recorded vectors, in [0, 1] (0 measured).
PARITY_TOLERANCE = 2e-6


def test_parity_physique_network(parity) -> None:
    data = parity('physique_network.npz')
    network = PhysiqueNetwork(channels=data['layers'].tolist()).eval()
    released = {key.removeprefix('state/'): torch.from_numpy(value)
                for key, value in data.items() if key.startswith('state/')}
    names = released_names(f'physique.{name}' for name in network.state_dict())
    network.load_state_dict({ours.removeprefix('physique.'): released[key.removeprefix('physique_network.')]
                             for ours, (_, key) in names.items()})
    with torch.no_grad():
        output = network(torch.from_numpy(data['input']))
    torch.testing.assert_close(output, torch.from_numpy(data['output']), rtol=0, atol=PARITY_TOLERANCE)


@pytest.mark.parametrize('size', [(16, 16), (8, 20), (13, 9)])
@pytest.mark.parametrize('channels', [(4,), (4, 6), (2, 3, 4, 5)])
def test_any_size_and_depth(size: tuple[int, int], channels: tuple[int, ...]) -> None:
    network = MODELS.build(dict(type='PhysiqueNetwork', channels=channels)).eval()
    output = network(torch.rand(2, 1, *size))
    assert output.shape == (2, 1, *size)
    assert ((output > 0) & (output < 1)).all()


def test_gradient_reaches_the_drawing() -> None:
    mask = torch.rand(2, 1, 16, 16, requires_grad=True)
    PhysiqueNetwork((4, 8)).eval()(mask).sum().backward()
    assert mask.grad.isfinite().all() and mask.grad.abs().sum() > 0


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.slow
def test_gradients_of_a_large_drawing_keep_their_digits(layout) -> None:
    """Against float64; torch's batch norm of channels-last maps is a tenth off here."""
    torch.manual_seed(0)
    network = PhysiqueNetwork()
    rows, shifts = torch.linspace(-1, 1, 128), torch.linspace(-0.5, 0.5, 8)[:, None, None]
    drawn = torch.exp(-(rows[:, None] - 0.5 * rows - shifts).square() / 3e-3)[:, None]
    exact = copy.deepcopy(network).double()
    network.to(memory_format=layout)
    if layout == torch.channels_last:
        convert_batch_norm(network)
    for model, mask in ((network, drawn), (exact, drawn.double())):
        (model(mask) - (drawn > 0.1).float()).square().mean().backward()
    for (name, own), wanted in zip(network.named_parameters(), exact.parameters()):
        if wanted.grad.norm() > 1e-6:  # not the bias of a convolution, which the batch norm takes away
            assert (own.grad - wanted.grad).norm() < 1e-3 * wanted.grad.norm(), name


def test_it_learns_to_thicken() -> None:
    torch.manual_seed(0)
    network = PhysiqueNetwork((4, 8))
    optimizer = torch.optim.Adam(network.parameters(), 2e-2)
    skeleton = (torch.rand(4, 1, 16, 16) > 0.9).float()
    body = torch.nn.functional.max_pool2d(skeleton, 3, 1, 1)
    losses = []
    for _ in range(30):
        loss = (network(skeleton) - body).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_exceptions() -> None:
    with pytest.raises(ValueError, match='channels: at least one level'):
        PhysiqueNetwork(())
    with pytest.raises(ValueError, match=r'skeleton_mask: shape \(N, 1, h, w\) expected, got \(2, 3, 8, 8\)'):
        PhysiqueNetwork((4,))(torch.zeros(2, 3, 8, 8))
