"""Poses of recorded motion clips, used by the built-in target domain."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmxas.io import open_arrays
from mmxas.io.shipped_files import find_named
from mmxas.registry import POSE_SOURCES
from mmxas.synthesis.pose_sources.sampling import PoseSample, symmetric_normal

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'


@POSE_SOURCES.register_module()
class MocapPoses:
    """Frames of motion clips, each used equally often.

    The F frames of the chosen clips are visited in a seeded random order: F consecutive indices starting at a multiple
    of F contain each frame once.

    Args:
        file: a shipped name (``mocap_poses``) or the path of an ``.npz`` with ``pose`` (T, J, 3) axis-angle in
            radians, ``clip`` (T,) index into ``clip_names``, ``frame`` (T,).
        clips: names of the clips to use; None for all.
        shape_std: standard deviation of the shape coefficients.
        shape_limit: limit at which they are truncated.
        num_betas: number of shape coefficients.
        order_seed: seed of the frame order.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file lacks a clip.
    """

    def __init__(self, file: str = 'mocap_poses', clips: Sequence[str] | None = None, shape_std: float = 1.0,
                 shape_limit: float = 2.0, num_betas: int = 10, order_seed: int = 0) -> None:
        path = find_named(file, DATA_DIR, '.npz')
        if not path.is_file():
            raise FileNotFoundError(f'mocap poses {str(file)!r}: neither a file nor shipped in {DATA_DIR}')
        self.data_files = (path,)
        with open_arrays(path) as content:
            pose, clip, frame = content['pose'], content['clip'], content['frame']
            self.clip_names = tuple(str(name) for name in content['clip_names'])
        unknown = sorted(set(clips or ()) - set(self.clip_names))
        if unknown:
            raise ValueError(f'{path.name}: no clip {unknown}; it has {list(self.clip_names)}')
        self.clips = tuple(clips) if clips else self.clip_names
        kept = np.flatnonzero(np.isin(clip, [self.clip_names.index(name) for name in self.clips]))
        self.pose = pose[kept].astype(np.float32)
        self.clip, self.frame = clip[kept], frame[kept].astype(np.int64)
        self.shape_std, self.shape_limit, self.num_betas = shape_std, shape_limit, num_betas
        self.order_seed = order_seed
        self._orders: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        """Number of frames of the chosen clips."""
        return len(self.pose)

    def row(self, index: int) -> int:
        """Return the row of ``self.pose`` for an index."""
        turn, place = divmod(index, len(self))
        if turn not in self._orders:
            self._orders[turn] = np.random.default_rng([self.order_seed, turn]).permutation(len(self))
        return int(self._orders[turn][place])

    def sample(self, n: int, rng: np.random.Generator, index: int = 0) -> PoseSample:
        """Return the poses of ``n`` consecutive indices, with random shapes.

        Args:
            n: number of samples.
            rng: random generator for the shapes.
            index: the first index.

        Returns:
            The n poses, with their clips and frames.
        """
        rows = [self.row(i) for i in range(index, index + n)]
        betas = symmetric_normal(rng, (n, self.num_betas), self.shape_limit, self.shape_std)
        names = tuple(self.clip_names[self.clip[r]] for r in rows)
        return PoseSample(self.pose[rows], betas.astype(np.float32), names, self.frame[rows])
