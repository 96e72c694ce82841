import mmengine.model
import pytest
import torch
from mmengine._strategy import distributed
from mmengine.config import Config
from mmengine.runner import runner
from torch import nn

from mmxas.compat.distributed import convert_sync_batch_norm, join_cpu_processes, support_sync_batch_norm
from mmxas.registry import MODELS


@pytest.fixture
def one_of_one(monkeypatch, tmp_path):
    """The environment that torchrun gives to the only process of a group; the group ends with the test."""
    for name, value in dict(RANK=0, WORLD_SIZE=1, LOCAL_RANK=0, MASTER_ADDR='127.0.0.1', MASTER_PORT=0).items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_torchruns_processes_join_with_gloo(one_of_one):
    cfg = Config(dict(launcher='pytorch', find_unused_parameters=True))
    assert join_cpu_processes(cfg)
    assert torch.distributed.get_backend() == 'gloo'
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False, find_unused_parameters=True, device_ids=None)
    assert join_cpu_processes(cfg)


def test_a_configs_own_wrapper_is_kept(one_of_one):
    cfg = Config(dict(launcher='pytorch', model_wrapper_cfg=dict(type='Own')))
    assert join_cpu_processes(cfg)
    assert cfg.model_wrapper_cfg == dict(type='Own', device_ids=None)


def test_nothing_happens_for_one_process_or_on_a_gpu(one_of_one, monkeypatch):
    assert not join_cpu_processes(Config(dict(launcher='none')))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(launcher='pytorch'))
    assert not join_cpu_processes(cfg)
    assert 'model_wrapper_cfg' not in cfg
    assert not torch.distributed.is_initialized()


@pytest.fixture
def converted(monkeypatch):
    """Converts on a machine that says it has a GPU: neither conversion nor evaluation needs one."""
    def convert(model: nn.Module) -> nn.Module:
        with monkeypatch.context() as patched:
            patched.setattr(torch.cuda, 'is_available', lambda: True)
            return mmengine.model.convert_sync_batchnorm(model, 'torch')
    return convert


@pytest.mark.parametrize('name', ['tf_efficientnet_lite0', 'resnet18'])
def test_a_converted_network_computes_the_same(converted, name):
    model = MODELS.build(dict(type='XASTimmBackbone', model_name=name, out_indices=(2, 4))).eval()
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(image)
        count = sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
        model = converted(model)
        after = model(image)
    assert sum(isinstance(part, nn.SyncBatchNorm) for part in model.modules()) == count > 10
    assert not any(isinstance(part, nn.BatchNorm2d) for part in model.modules())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_runner_and_the_strategies_convert_so():
    convert = mmengine.model.convert_sync_batchnorm
    support_sync_batch_norm()
    assert mmengine.model.convert_sync_batchnorm is convert
    assert runner.convert_sync_batchnorm is distributed.convert_sync_batchnorm is convert


def test_another_implementation_is_refused_where_it_would_drop_activations():
    model = MODELS.build(dict(type='XASTimmBackbone', model_name='tf_efficientnet_lite0', out_indices=(2, )))
    with pytest.raises(ValueError, match="sync_bn='mmcv': it drops the activations .*; use 'torch'"):
        mmengine.model.convert_sync_batchnorm(model, 'mmcv')


def test_frozen_levels_stay_frozen(converted):
    model = converted(MODELS.build(dict(
        type='XASTimmBackbone', model_name='resnet18', out_indices=(1, 4), frozen_stages=2))).train()
    norms = {name: part for name, part in model.network.named_modules() if isinstance(part, nn.SyncBatchNorm)}
    assert {name for name, part in norms.items() if not part.training} == {
        name for name in norms if name == 'bn1' or name.startswith('layer1.')}
    assert {name for name, part in norms.items() if not part.weight.requires_grad} == {
        name for name in norms if name == 'bn1' or name.startswith('layer1.')}


def test_without_a_gpu_norms_stay(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    model = nn.Sequential(nn.BatchNorm2d(2))
    assert type(convert_sync_batch_norm(model)[0]) is nn.BatchNorm2d
