"""A batch norm that is torch's but for how it adds up channels-last maps."""
import copy

import pytest
import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import ConstantInit
from mmengine.registry import init_default_scope
from torch import nn

from mmxas.models.layers import ChannelsLastBatchNorm2d, channels_last_batch_norm, convert_batch_norm

LAST = torch.channels_last


@pytest.fixture
def maps() -> torch.Tensor:
    return (torch.randn(4, 6, 9, 7, generator=torch.Generator().manual_seed(0)) * 3 + 5).contiguous(memory_format=LAST)


@pytest.fixture
def calls(monkeypatch) -> list[torch.Size]:
    """What was normalised by our own operator."""
    seen, own = [], channels_last_batch_norm.batch_norm_channels_last
    monkeypatch.setattr(channels_last_batch_norm, 'batch_norm_channels_last',
                        lambda maps, *args: seen.append(maps.shape) or own(maps, *args))
    return seen


@pytest.mark.parametrize('options', [dict(), dict(affine=False), dict(momentum=None), dict(momentum=0.3, eps=0.1),
                                     dict(track_running_stats=False)], ids=str)
def test_state_and_results_are_torchs(options, maps, calls):
    ours, torchs = ChannelsLastBatchNorm2d(6, **options), nn.BatchNorm2d(6, **options)
    for step in range(3):
        torch.testing.assert_close(ours(maps + step), torchs(maps.contiguous() + step), rtol=1e-5, atol=1e-5)
    assert len(calls) == 3
    assert copy.deepcopy(ours).double()(maps.double()).dtype == torch.float64 and len(calls) == 4
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    for name, value in torchs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-5, atol=1e-6, msg=name)
    torch.testing.assert_close(ours.eval()(maps), torchs.eval()(maps.contiguous()), rtol=1e-5, atol=1e-5)


def test_everything_else_is_torchs_own(maps, calls, monkeypatch):
    norm, torchs = ChannelsLastBatchNorm2d(6), nn.BatchNorm2d(6)
    for other in (maps.contiguous(), maps.bfloat16()):
        assert torch.equal(norm(other), torchs(other))
    with monkeypatch.context() as compiling:
        compiling.setattr(torch.compiler, 'is_compiling', lambda: True)
        assert torch.equal(norm(maps), torchs(maps))
    with pytest.raises(RuntimeError, match='mixed dtype'):
        ChannelsLastBatchNorm2d(6).double()(maps)
    assert torch.equal(norm.eval()(maps), torchs.eval()(maps))
    assert norm.train()(torch.empty(0, 6, 2, 2).contiguous(memory_format=LAST)).shape == (0, 6, 2, 2)
    assert ChannelsLastBatchNorm2d(6, device='meta')(maps.to('meta')).device.type == 'meta'
    assert torch.jit.trace(norm, maps, check_trace=False)(maps).shape == maps.shape
    assert not calls


def test_wrong_maps_are_refused_as_by_torch(maps):
    norm = ChannelsLastBatchNorm2d(5)
    with pytest.raises(RuntimeError, match='running_mean should contain 6 elements not 5'):
        norm(maps)
    with pytest.raises(ValueError, match='expected 4D input'):
        norm(maps[0])
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        norm(torch.zeros(1, 5, 1, 1))


def test_conversion_keeps_parameters_names_and_modes(maps):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6, eps=0.1), nn.Sequential(nn.BatchNorm2d(6).eval()),
                            nn.BatchNorm1d(5))
    before, wanted = dict(network.named_parameters()), copy.deepcopy(network[:3])(maps)
    handle = network[1].register_forward_hook(lambda *_: seen.append(1))
    seen = []
    norms = network[1], network[2][0]
    convert_batch_norm(network)
    assert (network[1], network[2][0]) == norms
    assert [type(m) for m in (*norms, network[3])] == [ChannelsLastBatchNorm2d] * 2 + [nn.BatchNorm1d]
    assert network[1].training and not network[2][0].training and network[1].eps == 0.1
    after = dict(network.named_parameters())
    assert before.keys() == after.keys() and all(after[name] is p for name, p in before.items())
    torch.testing.assert_close(network[:3](maps), wanted, rtol=1e-5, atol=1e-5)
    assert seen == [1]
    handle.remove()
    single = nn.BatchNorm2d(3)
    convert_batch_norm(single)
    assert type(single) is ChannelsLastBatchNorm2d
    assert isinstance(nn.SyncBatchNorm.convert_sync_batchnorm(network)[1], nn.SyncBatchNorm)


def test_derived_classes_and_lost_buffers_are_left(maps, calls):
    """As timm's batch norm, which has an activation in it."""
    derived = type('Derived', (nn.BatchNorm2d, ), {})(6)
    convert_batch_norm(derived)
    assert type(derived).__name__ == 'Derived'
    norm = ChannelsLastBatchNorm2d(6)
    norm.running_mean = norm.running_var = None
    torch.testing.assert_close(norm(maps), nn.BatchNorm2d(6)(maps.contiguous()), rtol=1e-5, atol=1e-5)
    assert len(calls) == 1


def test_configs_and_initialisers_know_it():
    init_default_scope('mmpose')
    name, norm = build_norm_layer(dict(type='ChannelsLastBatchNorm2d'), 4, postfix=1)
    assert name == 'bn1' and type(norm) is ChannelsLastBatchNorm2d
    for layer, value in (('_BatchNorm', 2.0), ('BatchNorm2d', 3.0)):
        ConstantInit(val=value, layer=layer)(norm)
        assert (norm.weight == value).all()
