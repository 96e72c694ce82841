"""Support ``sync_bn`` of a config for timm's networks and for processes on CPUs.

mmengine replaces each batch norm by torch's ``SyncBatchNorm``. timm's batch norms with an activation
(``BatchNormAct2d``) thereby lose it, which changes the network. On a CPU, ``SyncBatchNorm`` raises.
"""
import functools
import logging

import mmengine.model
import torch
from mmengine._strategy import distributed
from mmengine.logging import print_log
from mmengine.runner import runner
from timm.layers import BatchNormAct2d
from timm.layers import convert_sync_batchnorm as timm_convert
from torch import nn

_PLACES = (mmengine.model, runner, distributed)


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
