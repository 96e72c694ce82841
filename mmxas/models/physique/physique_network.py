"""Network that maps a skeleton mask to a physique mask (equation 8).

Symbols: N batch, h and w height and width of the mask.
"""
from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxas.ops.checks import check_shape
from mmxas.registry import MODELS


@MODELS.register_module()
class PhysiqueNetwork(BaseModule):
    """Convolutional encoder-decoder from skeleton mask to physique mask.

    Each block is a 3 x 3 convolution, batch norm and leaky ReLU. The encoder halves the size at each further level; the
    decoder mirrors it with bilinear upsampling, and ends with a sigmoid.

    Args:
        channels: Channels of the levels, finest first. Defaults to (32, 64, 128).
        init_cfg: As in mmengine.

    Raises:
        ValueError: If ``channels`` is empty.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128), init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if not channels:
            raise ValueError('channels: at least one level expected, got none')
        self.channels = tuple(channels)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        last, before = len(channels) - 1, 1
        for level, width in enumerate(channels):
            self.encoder.append(_block(before, width, stride=1 if level == 0 else 2))
            if level < last:
                self.encoder.append(_block(width, width))
            before = width
        self.decoder.append(_block(before, before))
        for level in reversed(range(last)):
            self.decoder.append(_block(before, channels[level]))
            if level > 0:
                self.decoder.append(_block(channels[level], channels[level]))
            before = channels[level]
        self.output = nn.Conv2d(before, 1, 3, padding=1)

    def forward(self, skeleton_mask: Tensor) -> Tensor:
        """Predict the mask of the body around a skeleton.

        Args:
            skeleton_mask: (N, 1, h, w) in [0, 1], of any size.

        Returns:
            (N, 1, h, w) physique mask in [0, 1].
        """
        check_shape(skeleton_mask, ('N', 1, 'h', 'w'), 'skeleton_mask')
        features, sizes = skeleton_mask, []
        for block in self.encoder:
            if block.conv.stride[0] == 2:
                sizes.append(features.shape[-2:])
            features = block(features)
        for index, block in enumerate(self.decoder):
            if index % 2 == 1:
                features = F.interpolate(features, size=sizes.pop(), mode='bilinear', align_corners=False)
            features = block(features)
        return self.output(features).sigmoid()


def _block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1),
        norm=nn.BatchNorm2d(out_channels),
        act=nn.LeakyReLU(0.01)))
