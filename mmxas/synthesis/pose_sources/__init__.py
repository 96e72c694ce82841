"""Sources of poses and shapes."""
from mmxas.synthesis.pose_sources.mixed_poses import MixedPoses
from mmxas.synthesis.pose_sources.mocap_poses import MocapPoses
from mmxas.synthesis.pose_sources.pair_poses import PairPoses
from mmxas.synthesis.pose_sources.sampling import PoseSample, half_normal, symmetric_normal
from mmxas.synthesis.pose_sources.truncated_gaussian import TruncatedGaussianPrior, read_prior_file

__all__ = ['MixedPoses', 'MocapPoses', 'PairPoses', 'PoseSample', 'TruncatedGaussianPrior', 'half_normal',
           'read_prior_file', 'symmetric_normal']
