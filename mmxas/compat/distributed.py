"""Support distributed training on CPUs, and ``sync_bn`` for timm's networks.

mmengine's launchers always set a CUDA device, which fails without a GPU.

With ``sync_bn`` in a config, mmengine replaces each batch norm by torch's ``SyncBatchNorm``. timm's batch norms with an
activation (``BatchNormAct2d``) thereby lose it, which changes the network. On a CPU, ``SyncBatchNorm`` raises.
"""
import functools
import logging
import os

import mmengine.model
import torch
from mmengine._strategy import distributed
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import runner
from timm.layers import BatchNormAct2d
from timm.layers import convert_sync_batchnorm as timm_convert
from torch import nn

_PLACES = (mmengine.model, runner, distributed)


def join_cpu_processes(cfg: Config) -> bool:
    """Start the gloo process group of ``torchrun`` if there is no GPU, and let the Runner wrap the model for it.

    Args:
        cfg: Its ``launcher`` is read, its ``model_wrapper_cfg`` completed.

    Returns:
        Whether this process joined a group; False on a GPU, for another launcher, and for a single process.
    """
    if cfg.get('launcher') != 'pytorch' or torch.cuda.is_available() or 'RANK' not in os.environ:
        return False
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(backend='gloo')
    if cfg.get('model_wrapper_cfg') is None:
        unused = cfg.get('find_unused_parameters', False)
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel', broadcast_buffers=False, find_unused_parameters=unused)
    cfg.model_wrapper_cfg.setdefault('device_ids', None)  # the Runner's own default names a CUDA device
    return True


def support_sync_batch_norm() -> None:
    """Let mmengine convert batch norms by :func:`convert_sync_batch_norm`; idempotent.

    Raises:
        ValueError: Raised by the conversion if ``sync_bn='mmcv'`` would remove the activations of a timm network.
    """
    original = mmengine.model.convert_sync_batchnorm
    if getattr(original, 'knows_activations', False):
        return

    @functools.wraps(original)
    def convert(module: nn.Module, implementation: str = 'torch') -> nn.Module:
        if implementation == 'torch':
            return convert_sync_batch_norm(module)
        if any(isinstance(part, BatchNormAct2d) for part in module.modules()):
            raise ValueError(f"sync_bn={implementation!r}: it drops the activations of timm's batch norms; "
                             "use 'torch'")
        return original(module, implementation)

    convert.knows_activations = True
    for place in _PLACES:
        place.convert_sync_batchnorm = convert


def convert_sync_batch_norm(module: nn.Module) -> nn.Module:
    """Return the module with batch norms that share statistics across processes and keep their activations.

    Without a GPU the module stays unchanged, with a warning: torch has no such norms for a CPU.
    """
    if not torch.cuda.is_available():
        print_log('sync_bn: torch shares batch statistics on GPUs only; on CPUs each process keeps its own', 'current',
                  logging.WARNING)
        return module
    return timm_convert(module)
