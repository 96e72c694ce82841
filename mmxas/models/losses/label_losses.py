"""Losses of samples whose keypoints are known: synthetic ones, and targets where a comparison asks for it."""
from torch import Tensor, nn

from mmxas.ops.checks import check_choice, check_positive
from mmxas.ops.decoding import Hypotheses
from mmxas.ops.keypoint_loss import NORMS, keypoint_loss, planar_keypoint_loss
from mmxas.ops.marginals import Marginals, marginal_cross_entropy
from mmxas.ops.winner_takes_all import LEVELS
from mmxas.registry import MODELS


@MODELS.register_module()
class SyntheticKeypointLoss(nn.Module):
    """The best hypothesis' distance to the known keypoints, in the norm frame (eq. 16 with eq. 7).

    Args:
        norm: ``'l2'`` (the paper) or ``'l1'``. Defaults to ``'l2'``.
        level: Where the winner takes all: ``'sample'``, ``'keypoint'`` or ``'batch'`` (the released code).
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
        """Hypotheses of N samples and their keypoints (N, K, 3) with weights (N, K), to a scalar."""
        return keypoint_loss(hypotheses.keypoints, target, hypotheses.valid, weights, norm=self.norm, level=self.level)


@MODELS.register_module()
class MarginalCrossEntropyLoss(nn.Module):
    """Cross-entropy of the heatmap's marginals against Gaussians (not in the paper): minutes instead of hours.

    Args:
        sigma_bins: Standard deviation of the Gaussians, in bins. Defaults to 1.

    Raises:
        ValueError: It is not positive.
    """

    reads = 'labels'

    def __init__(self, sigma_bins: float = 1.0) -> None:
        super().__init__()
        check_positive(sigma_bins, 'sigma_bins')
        self.sigma_bins = sigma_bins

    def forward(self, hypotheses: Hypotheses, marginals: Marginals, target: Tensor,
                weights: Tensor | None = None) -> Tensor:
        """Marginals of N samples and their keypoints (N, K, 3) with weights (N, K), to a scalar."""
        return marginal_cross_entropy(marginals, target, sigma_bins=self.sigma_bins, weights=weights)


@MODELS.register_module()
class PlanarKeypointLoss(nn.Module):
    """Distance of x and y to the targets' 2D labels, in the norm frame: Table 3's "2D GT", which is supervision.

    The target data set needs ``with_labels=True`` and ``GenerateNormTarget`` in its pipeline; depths are not read.

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
        """Hypotheses of N targets and their keypoints (N, K, 3) with weights (N, K), to a scalar."""
        return planar_keypoint_loss(hypotheses.keypoints, target, weights, self.norm)
