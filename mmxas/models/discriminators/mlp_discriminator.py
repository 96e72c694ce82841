"""Discriminator without a graph, for comparison (Table 3).

Symbols: M poses, K keypoints.
"""
from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxas.ops.checks import check_shape
from mmxas.registry import MODELS
from mmxas.structures import Skeleton, load_skeleton


@MODELS.register_module()
class MLPDiscriminator(BaseModule):
    """Discriminator with fully connected layers on all coordinates.

    Args:
        skeleton: Name, JSON path, dict or Skeleton. Alternatively, give ``num_keypoints``.
        num_keypoints: Number of keypoints, K; only without a skeleton.
        width: Hidden channels. Defaults to 512.
        num_layers: Hidden layers, each Linear, LayerNorm and ReLU. Defaults to 3.
        dropout: Dropout before the output. Defaults to 0.2.
        init_cfg: As in mmengine.

    Raises:
        ValueError: If neither or both of skeleton and num_keypoints are given, or there is no hidden layer.
    """

    def __init__(self, skeleton: str | Mapping | Skeleton | None = None, num_keypoints: int | None = None,
                 width: int = 512, num_layers: int = 3, dropout: float = 0.2, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if (skeleton is None) == (num_keypoints is None):
            raise ValueError('a discriminator needs either skeleton or num_keypoints')
        if num_layers < 1:
            raise ValueError(f'num_layers: at least 1 expected, got {num_layers}')
        self.num_keypoints = num_keypoints if skeleton is None else load_skeleton(skeleton).num_keypoints
        layers: list[nn.Module] = []
        before = 3 * self.num_keypoints
        for _ in range(num_layers):
            layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.ReLU()]
            before = width
        self.layers = nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(before, 1))

    def forward(self, keypoints: Tensor) -> Tensor:
        """Score poses.

        Args:
            keypoints: (M, K, 3) root-centred, crop-normalised.

        Returns:
            (M, 1) raw scores, trained towards 1 for real and 0 for fake.
        """
        check_shape(keypoints, ('M', self.num_keypoints, 3), 'keypoints')
        return self.layers(keypoints.flatten(1))
