"""Loss of skeleton mask and physique mask against the foreground mask (equation 8)."""
import torch
from torch import Tensor, nn

from mmxas.ops.checks import check_choice
from mmxas.ops.mask_loss import CLIPS, distance_weights, mask_loss
from mmxas.registry import MODELS


@MODELS.register_module()
class MaskLoss(nn.Module):
    """Weighted sum of the mean squared errors of skeleton mask and physique mask.

    N: batch, h and w: height and width of the masks.

    Args:
        skeleton_weight: Weight of the skeleton mask's error, lambda_s. Defaults to 1.
        physique_weight: Weight of the physique mask's error, lambda_p; with 0, no physique network is needed. Defaults
            to 1.
        clip: Pixels of the skeleton mask that count: None for all, ``'pixel'`` for those that it covers, or
            ``'released'``; see :func:`mmxas.ops.mask_loss.mask_error_map`. Defaults to None.
        clip_threshold: Threshold of the clip. Defaults to 0.1.
        outside_gain: Growth of the skeleton mask's pixel weights with the distance to the foreground, per side of the
            mask; 0 weights all pixels equally. Defaults to 0.

    Raises:
        ValueError: If ``clip`` is unknown.
    """

    reads = 'mask'

    def __init__(self, skeleton_weight: float = 1.0, physique_weight: float = 1.0, clip: str | None = None,
                 clip_threshold: float = 0.1, outside_gain: float = 0.0) -> None:
        super().__init__()
        check_choice(clip, CLIPS, 'clip')
        self.skeleton_weight, self.physique_weight = skeleton_weight, physique_weight
        self.clip, self.clip_threshold, self.outside_gain = clip, clip_threshold, outside_gain

    def forward(self, drawn: Tensor, body: Tensor | None, masks: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            drawn: (N, 1, h, w) skeleton masks.
            body: (N, 1, h, w) physique masks; may be None if ``physique_weight`` is 0.
            masks: (N, 1, h, w) foreground masks in [0, 1].

        Returns:
            Scalar.

        Raises:
            ValueError: If the physique mask is missing, or shapes disagree.
        """
        if body is None and self.physique_weight:
            raise ValueError(f'body: physique_weight={self.physique_weight} needs a physique mask, '
                             f'got None (is model.physique set?)')
        loss = self.skeleton_weight * mask_loss(drawn, masks, self._weights(masks), self.clip, self.clip_threshold)
        if self.physique_weight:
            loss = loss + self.physique_weight * mask_loss(body, masks)
        return loss

    def _weights(self, masks: Tensor) -> Tensor | None:
        if not self.outside_gain:
            return None
        weights = distance_weights(masks.detach().float().cpu().numpy(), outside=self.outside_gain)
        return torch.from_numpy(weights).to(masks.device)
