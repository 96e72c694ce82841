"""A fused feature map that knows which way the body faces."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxas.models.necks.sum_fusion_neck import SumFusionNeck
from mmxas.registry import MODELS


def _convolution(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
                         nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


@MODELS.register_module()
class FacingFusionNeck(SumFusionNeck):
    """:class:`SumFusionNeck`, whose map is scaled and shifted by a facing read from the whole image.

    Left and right limbs look alike; which is which follows from the facing, which a head or a foot shows and a limb
    does not. A detector by itself spends hundreds of iterations with both limbs on one place before it finds that
    out. Here the mean of the deepest map, or of convolutions on it, gives the facing (``FacingLoss`` teaches it, on
    synthetic samples), and each channel y of the fused map becomes y (1 + a(f)) + b(f). Not in the paper.

    Args:
        in_channels: Channels of each chosen map; the last chosen one gives the facing.
        out_channels: Channels of the fused map.
        hidden_channels: Width of the shift's hidden layer. Defaults to 128.
        facing_channels: Widths of 3×3 convolutions (BN, ReLU; from the second on of stride 2) between the last chosen
            map and the mean of which the facing is read. Defaults to none.
        kwargs: Options of :class:`SumFusionNeck`.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int, hidden_channels: int = 128,
                 facing_channels: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        widths = [self.in_channels[-1], *facing_channels]
        self.facing_layers = nn.Sequential(*(
            _convolution(before, after, stride=2 if place else 1)
            for place, (before, after) in enumerate(zip(widths[:-1], widths[1:], strict=True))))
        self.facing = nn.Linear(widths[-1], 2)
        self.scale = nn.Linear(2, out_channels, bias=False)
        self.shift = nn.Sequential(nn.Linear(2, hidden_channels), nn.ReLU(), nn.Linear(hidden_channels, out_channels))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Fuse the maps.

        Args:
            features: The backbone's maps, (N, C_i, h_i, w_i) each.

        Returns:
            The map (N, out_channels, h, w), and the facing (N, 2) in float32 at least (``mmxas.ops.facing``). A head
            reads the first: ``in_index=0``.
        """
        (fused,) = super().forward(features)
        facing = self.facing(self.facing_layers(self._chosen(features)[-1]).mean(dim=(2, 3)))
        facing = facing.to(torch.promote_types(facing.dtype, torch.float32))
        scale, shift = self.scale(facing), self.shift(facing)
        return fused * (1 + scale[:, :, None, None]) + shift[:, :, None, None], facing
