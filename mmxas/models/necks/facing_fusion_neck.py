"""Neck that fuses feature maps and conditions them on the body's facing direction."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxas.models.necks.sum_fusion_neck import SumFusionNeck
from mmxas.registry import MODELS


@MODELS.register_module()
class FacingFusionNeck(SumFusionNeck):
    """:class:`SumFusionNeck` whose output is scaled and shifted by a facing direction predicted from the whole image.

    Left and right limbs look alike; only the body's facing distinguishes them, and it is visible at the head or feet,
    not at the limbs. Without this neck, a detector places both limbs at one position for hundreds of iterations. The
    neck predicts the facing f from the mean of the deepest map (trained by ``FacingLoss`` on synthetic samples), and
    maps each channel y of the fused map to y (1 + a(f)) + b(f). Not in the paper.

    Args:
        in_channels: Channels of each chosen map; the facing is predicted from the last one.
        out_channels: Channels of the fused map.
        hidden_channels: Width of the hidden layer of the shift b. Defaults to 128.
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
            The map (N, out_channels, h, w), and the facing (N, 2) in at least float32 (``mmxas.ops.facing``). Heads
            need ``in_index=0``.
        """
        fused, facing = self.fuse(features)
        return self.condition(fused, facing), facing

    def fuse(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused map (N, out_channels, h, w), not yet conditioned, and the predicted facing (N, 2)."""
        (fused,) = super().forward(features)
        facing = self.facing(self._chosen(features)[-1].mean(dim=(2, 3)))
        return fused, facing.to(torch.promote_types(facing.dtype, torch.float32))

    def condition(self, fused: Tensor, facing: Tensor) -> Tensor:
        """Scale and shift a fused map (N, out_channels, h, w) by a facing (N, 2)."""
        scale, shift = self.scale(facing), self.shift(facing)
        return fused * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
