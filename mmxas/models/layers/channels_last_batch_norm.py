"""Batch norm with accurate statistics for channels-last maps on a CPU."""
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxas.ops.kernels.batch_norm import batch_norm_channels_last
from mmxas.registry import MODELS


@MODELS.register_module()
class ChannelsLastBatchNorm2d(nn.BatchNorm2d, _BatchNorm):  # mmengine's initialisers check direct bases
    """``torch.nn.BatchNorm2d`` with accurate statistics of channels-last maps in training on a CPU.

    Such maps of float32 and float64 are normalised by
    :func:`mmxas.ops.kernels.batch_norm.batch_norm_channels_last`. All other maps, including half precision and compiled
    or traced networks, use torch's implementation. Arguments, parameters and names in a checkpoint are those of
    ``BatchNorm2d``.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps (N, C, h, w)."""
        if not self._is_ours(maps):
            return super().forward(maps)
        normed, mean, variance = batch_norm_channels_last(maps, self.weight, self.bias, self.eps)
        if self.track_running_stats and self.running_mean is not None:
            self.num_batches_tracked.add_(1)
            share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            count = maps.numel() // maps.shape[1]
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (count / (count - 1)), share)
        return normed

    def _is_ours(self, maps: Tensor) -> bool:
        return (self.training and not torch.compiler.is_compiling() and not torch.jit.is_tracing()
                and maps.device.type == 'cpu' and maps.dtype in (torch.float32, torch.float64)
                and all(own.dtype == maps.dtype for own in (self.weight, self.running_mean) if own is not None)
                and maps.is_contiguous(memory_format=torch.channels_last)
                and maps.shape[1] == self.num_features and maps.numel() > self.num_features)


def convert_batch_norm(module: nn.Module) -> None:
    """Convert each ``BatchNorm2d`` of a module, or the module itself, to :class:`ChannelsLastBatchNorm2d` in place.

    Args:
        module: Any module. Classes derived from ``BatchNorm2d``, such as timm's, are not changed.
    """
    for norm in module.modules():
        if type(norm) is nn.BatchNorm2d:
            norm.__class__ = ChannelsLastBatchNorm2d
