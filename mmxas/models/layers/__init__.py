"""Layers used by other components."""
from .channels_last_batch_norm import ChannelsLastBatchNorm2d, convert_batch_norm

__all__ = ['ChannelsLastBatchNorm2d', 'convert_batch_norm']
