"""Neck that sums several scales of a backbone into one feature map."""
from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxas.registry import MODELS


@MODELS.register_module()
class SumFusionNeck(BaseModule):
    """Project chosen maps to equal channels by 1x1 convolutions, resize them to one scale, and sum them.

    Features of strides 8, 16 and 32 at 128² input, for example, give one 16x16 map with both detail and global context
    at little cost.

    Args:
        in_channels: Channels of each chosen map.
        out_channels: Channels of the result.
        in_indices: Indices of the backbone's maps to use. Defaults to None, all.
        target: Position, among the chosen maps, of the one that defines height and width of the result. Defaults to 0,
            the shallowest.
        mode: Interpolation, ``'bilinear'`` or ``'nearest'``. Defaults to ``'bilinear'``.
        norm: Whether to apply batch normalisation after each convolution. Defaults to True.
        activation: Whether to apply ReLU after the sum. Defaults to True.
        init_cfg: mmengine's initialisation config. Defaults to None, Kaiming for convolutions.

    Raises:
        ValueError: Numbers of channels and indices differ, or ``target`` or ``mode`` is invalid.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: int,
                 in_indices: Sequence[int] | None = None,
                 target: int = 0,
                 mode: str = 'bilinear',
                 norm: bool = True,
                 activation: bool = True,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        self.in_channels = tuple(in_channels)
        self.in_indices = tuple(range(len(in_channels)) if in_indices is None else in_indices)
        if len(self.in_indices) != len(self.in_channels):
            raise ValueError(f'in_indices: {len(self.in_channels)} expected, one per number of in_channels '
                             f'{self.in_channels}; found {self.in_indices}')
        if not 0 <= target < len(self.in_channels):
            raise ValueError(f'target: 0 to {len(self.in_channels) - 1} expected, found {target}')
        if mode not in ('bilinear', 'nearest'):
            raise ValueError(f"mode: 'bilinear' or 'nearest' expected, found {mode!r}")
        self.target = target
        self.mode = mode
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, out_channels, 1, bias=not norm),
                          nn.BatchNorm2d(out_channels) if norm else nn.Identity())
            for channels in self.in_channels)
        self.activation = nn.ReLU() if activation else nn.Identity()

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor]:
        """Fuse the maps.

        Args:
            features: The backbone's maps, (N, C_i, h_i, w_i) each.

        Returns:
            One map (N, out_channels, h, w) in a tuple, at the target's height and width.

        Raises:
            ValueError: A map is missing, or its channels differ from ``in_channels``.
        """
        chosen = self._chosen(features)
        size = chosen[self.target].shape[-2:]
        align = dict(align_corners=False) if self.mode == 'bilinear' else {}
        total = 0
        for feature, projection in zip(chosen, self.projections, strict=True):
            projected = projection(feature)
            if projected.shape[-2:] != size:
                projected = F.interpolate(projected, size=size, mode=self.mode, **align)
            total = total + projected
        return (self.activation(total),)

    def _chosen(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the chosen maps after checking their channels."""
        if max(self.in_indices) >= len(features):
            raise ValueError(f'SumFusionNeck: map {max(self.in_indices)} wanted, the backbone gives {len(features)}')
        chosen = [features[index] for index in self.in_indices]
        found = tuple(feature.shape[1] for feature in chosen)
        if found != self.in_channels:
            raise ValueError(f'SumFusionNeck: in_channels={self.in_channels}, the backbone gives maps of {found}')
        return chosen
