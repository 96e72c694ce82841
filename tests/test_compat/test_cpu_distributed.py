import pytest
import torch
from mmengine.config import Config

from mmxas.compat.cpu_distributed import join_cpu_processes


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
