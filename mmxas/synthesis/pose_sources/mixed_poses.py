"""Poses from several sources, optionally with random orientation."""
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from mmxas.registry import POSE_SOURCES
from mmxas.synthesis.one_of import check_weights
from mmxas.synthesis.pose_sources.sampling import PoseSample


@POSE_SOURCES.register_module()
class MixedPoses:
    """Draw each pose from one of several sources.

    Args:
        sources: configs of pose sources for the same body model.
        weights: their relative probabilities; None for equal ones.
        turned: share of bodies whose global orientation is replaced by a uniformly random rotation, for people who lie,
            hang or turn over. Defaults to 0.

    Raises:
        ValueError: there are no sources, their numbers of joints differ, the number of weights is wrong, a weight is
            negative, or ``turned`` is outside [0, 1].
    """

    def __init__(self, sources: Sequence[dict], weights: Sequence[float] | None = None, turned: float = 0.0) -> None:
        if not sources:
            raise ValueError('MixedPoses: sources is empty')
        weights = check_weights('MixedPoses', weights, len(sources))
        if not 0 <= turned <= 1:
            raise ValueError(f'MixedPoses: turned={turned}, expected a share in [0, 1]')
        self.sources = [POSE_SOURCES.build(source) for source in sources]
        joints = {source.sample(1, np.random.default_rng(0)).pose.shape[1] for source in self.sources}
        if len(joints) > 1:
            raise ValueError(f'MixedPoses: sources of {sorted(joints)} joints, expected one body model')
        self.data_files = tuple(file for source in self.sources for file in getattr(source, 'data_files', ()))
        self.chances, self.turned = np.array(weights) / sum(weights), turned

    @property
    def version(self) -> int:
        """Return the version of the drawn poses, which changes with the versions of the sources."""
        return sum(getattr(source, 'version', 1) for source in self.sources)

    def sample(self, n: int, rng: np.random.Generator, index: int = 0) -> PoseSample:
        """Draw the poses of ``n`` consecutive indices.

        Args:
            n: number of samples.
            rng: source of all randomness.
            index: the first index, for sources with a fixed order of poses.

        Returns:
            The n poses, of J joints.
        """
        drawn = [self._sample(rng, index + i) for i in range(n)]
        pose, betas, clips, frame, _ = zip(*drawn, strict=True)
        return PoseSample(np.concatenate(pose), np.concatenate(betas), sum(clips, ()), np.concatenate(frame))

    def _sample(self, rng: np.random.Generator, index: int) -> PoseSample:
        sample = self.sources[rng.choice(len(self.sources), p=self.chances)].sample(1, rng, index)
        if rng.random() < self.turned:
            turn = Rotation.from_quat(rng.normal(size=4)).as_rotvec()
            sample.pose[0, 0] = turn.astype(np.float32)
        return sample
