"""Losses of samples with labelled keypoints: synthetic samples, and target samples for supervised comparisons."""
from torch import Tensor, nn

from mmxas.ops.checks import check_choice, check_positive
from mmxas.ops.decoding import Hypotheses
from mmxas.ops.keypoint_loss import NORMS, keypoint_loss, planar_keypoint_loss
from mmxas.ops.marginals import Marginals, marginal_cross_entropy
from mmxas.ops.winner_takes_all import LEVELS
from mmxas.registry import MODELS


@MODELS.register_module()
class SyntheticKeypointLoss(nn.Module):
    """Distance of the best hypothesis to the labels, in crop-normalised coordinates (eq. 16 with eq. 7).

    Args:
        norm: ``'l2'`` (the paper) or ``'l1'``. Defaults to ``'l2'``.
        level: Level of winner-takes-all: ``'sample'``, ``'keypoint'`` or ``'batch'`` (the released code).
            Defaults to ``'sample'``.

    Raises:
        ValueError: An option is unknown.
    """

    reads = 'labels'

    def __init__(self, norm: str = 'l2', level: str = 'sample') -> None:
        super().__init__()
        check_choice(norm, NORMS, 'norm')
        check_choice(level, LEVELS, 'level')
        self.norm, self.level = norm, level

    def forward(self, hypotheses: Hypotheses, marginals: Marginals, target: Tensor,
                weights: Tensor | None = None) -> Tensor:
        """Return the scalar loss of N samples' hypotheses against keypoints (N, K, 3) with weights (N, K)."""
        return keypoint_loss(hypotheses.keypoints, target, hypotheses.valid, weights, norm=self.norm, level=self.level)


@MODELS.register_module()
class MarginalCrossEntropyLoss(nn.Module):
    """Cross-entropy of the heatmap's marginals against Gaussians (not in the paper); trains in minutes, not hours.

    Args:
        sigma_bins: Standard deviation of the Gaussians, in bins. Defaults to 1.

    Raises:
        ValueError: ``sigma_bins`` is not positive.
    """

    reads = 'labels'

    def __init__(self, sigma_bins: float = 1.0) -> None:
        super().__init__()
        check_positive(sigma_bins, 'sigma_bins')
        self.sigma_bins = sigma_bins

    def forward(self, hypotheses: Hypotheses, marginals: Marginals, target: Tensor,
                weights: Tensor | None = None) -> Tensor:
        """Return the scalar loss of N samples' marginals against keypoints (N, K, 3) with weights (N, K)."""
        return marginal_cross_entropy(marginals, target, sigma_bins=self.sigma_bins, weights=weights)


@MODELS.register_module()
class PlanarKeypointLoss(nn.Module):
    """Distance of x and y to 2D labels of target samples, crop-normalised: the supervised "2D GT" of Table 3.

    The target data set needs ``with_labels=True`` and ``GenerateNormTarget`` in its pipeline; depths are ignored.

    Args:
        norm: ``'l2'`` or ``'l1'``. Defaults to ``'l2'``.

    Raises:
        ValueError: The norm is unknown.
    """

    reads = 'target_labels'

    def __init__(self, norm: str = 'l2') -> None:
        super().__init__()
        check_choice(norm, NORMS, 'norm')
        self.norm = norm

    def forward(self, hypotheses: Hypotheses, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the scalar loss of N target samples' hypotheses against keypoints (N, K, 3) with weights (N, K)."""
        return planar_keypoint_loss(hypotheses.keypoints, target, weights, self.norm)
