"""Poses of existing pairs, to render them with another appearance and camera (Sur-Seg in Table 4)."""
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from mmxas.registry import POSE_SOURCES
from mmxas.synthesis.pose_sources.sampling import PoseSample
from mmxas.synthesis.shards import PairReader

_HALF_TURN = Rotation.from_euler('x', 180, degrees=True)


@POSE_SOURCES.register_module()
class PairPoses:
    """Poses and shapes of a set of pairs in order: index i is pair i modulo their number.

    A shape is valid only for the body model that it was made with. A generator with several body models must list them
    in the set's order (SURREAL: female, male) and uses the one of the pair.

    Args:
        data_root: folder of the shards, such as ``data/surreal``.
        y_axis: direction of the vertical axis in the set's world: ``'up'`` for sets rendered by mmxas, ``'down'`` for
            SURREAL. Bodies are rotated so that it points up. Default: ``'up'``.

    Raises:
        FileNotFoundError: the folder has no set, or an incomplete one.
        ValueError: ``y_axis`` is unknown.
    """

    def __init__(self, data_root: str, y_axis: Literal['up', 'down'] = 'up') -> None:
        if y_axis not in ('up', 'down'):
            raise ValueError(f"PairPoses: y_axis={y_axis!r}, expected 'up' or 'down'")
        annotations = PairReader(data_root).annotations
        self.data_files = (Path(data_root) / 'meta.json',)  # its fingerprint identifies the set's content
        self.pose, self.betas = annotations['pose'].astype(np.float32), annotations['betas'].astype(np.float32)
        self.clip, self.frame = annotations['clip'], annotations['frame'].astype(np.int64)
        self.body = annotations['body'].astype(np.int64)
        if y_axis == 'down':
            turned = _HALF_TURN * Rotation.from_rotvec(self.pose[:, 0])
            self.pose[:, 0] = turned.as_rotvec()

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pose)

    def sample(self, n: int, rng: np.random.Generator, index: int = 0) -> PoseSample:
        """Return the poses and shapes of ``n`` consecutive pairs.

        Args:
            n: number of samples.
            rng: unused; part of the common interface.
            index: the first pair.

        Returns:
            PoseSample with n poses, their clips, frames and body models.
        """
        rows = np.arange(index, index + n) % len(self)
        clips = tuple(str(clip) for clip in self.clip[rows])
        return PoseSample(self.pose[rows], self.betas[rows], clips, self.frame[rows], self.body[rows])
