"""``sync_bn`` of a config for networks of timm, and for processes on CPUs.

mmengine replaces each batch norm by torch's ``SyncBatchNorm``: those of timm that hold an activation
(``BatchNormAct2d``) lose it, and the network computes something else. On a CPU torch's refuses to run.
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
    """Have mmengine convert batch norms as :func:`convert_sync_batch_norm` does; does nothing the second time."""
    original = mmengine.model.convert_sync_batchnorm
    if getattr(original, 'knows_activations', False):
        return

    @functools.wraps(original)
    def convert(module: nn.Module, implementation: str = 'torch') -> nn.Module:
        if implementation == 'torch':
            return convert_sync_batch_norm(module)
        if any(isinstance(part, BatchNormAct2d) for part in module.modules()):
            raise ValueError(f"sync_bn={implementation!r}: it drops the activations of timm's batch norms; "
                             "take 'torch'")
        return original(module, implementation)

    convert.knows_activations = True
    for place in _PLACES:
        place.convert_sync_batchnorm = convert


def convert_sync_batch_norm(module: nn.Module) -> nn.Module:
    """Return the module with statistics of all processes in its batch norms, activations kept.

    Where there is no GPU it stays as it is, with a warning: torch has no such norms for a CPU.
    """
    if not torch.cuda.is_available():
        print_log('sync_bn: torch joins batch statistics on GPUs only; on CPUs each process keeps its own', 'current',
                  logging.WARNING)
        return module
    return timm_convert(module)
