"""Distributed processes without a GPU: mmengine's launchers always set a CUDA device, which fails there."""
import os

import torch
from mmengine.config import Config


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
