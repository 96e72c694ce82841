"""A fused feature map that knows which way the body faces."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxas.models.necks.sum_fusion_neck import SumFusionNeck
from mmxas.registry import MODELS


@MODELS.register_module()
class FacingFusionNeck(SumFusionNeck):
    """:class:`SumFusionNeck`, whose map is scaled and shifted by a facing read from the whole image.

    Left and right limbs look alike; which is which follows from the facing, which a head or a foot shows and a limb
    does not. A detector by itself spends hundreds of iterations with both limbs on one place before it finds that
    out. Here the mean of the deepest map gives the facing (``FacingLoss`` teaches it, on synthetic samples), and each
    channel y of the fused map becomes y (1 + a(f)) + b(f). Not in the paper.

    Args:
        in_channels: Channels of each chosen map; the last chosen one gives the facing.
        out_channels: Channels of the fused map.
        hidden_channels: Width of the shift's hidden layer. Defaults to 128.
        kwargs: Options of :class:`SumFusionNeck`.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int, hidden_channels: int = 128,
                 **kwargs: Any) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.facing = nn.Linear(self.in_channels[-1], 2)
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
        facing = self.facing(self._chosen(features)[-1].mean(dim=(2, 3)))
        facing = facing.to(torch.promote_types(facing.dtype, torch.float32))
        scale, shift = self.scale(facing), self.shift(facing)
        return fused * (1 + scale[:, :, None, None]) + shift[:, :, None, None], facing
