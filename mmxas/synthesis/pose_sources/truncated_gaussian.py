"""The pose prior of the paper (3.3.2, C.1): one truncated Gaussian per axis, read from a data file."""
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmxas.io import read_json
from mmxas.io.shipped_files import find_named
from mmxas.registry import POSE_SOURCES
from mmxas.synthesis.pose_sources.sampling import PoseSample, half_normal, symmetric_normal

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'
AXES = 'xyz'


def read_prior_file(file: str | Path) -> dict[str, Any]:
    """Read and check a pose prior.

    The file is JSON: ``joints`` lists the joint names in the body model's order; ``limits`` maps a joint to
    ``{"rest": probability, "x": [low, mean, high], "y": …, "z": …}`` in degrees of the joint's axis-angle vector,
    joints that are not listed never move; ``shape`` is ``{"width": w, "components": B}``, and may have the ``mean`` of
    the first components, ``[b0, b1, ...]``, in standard deviations; the others have mean 0.

    Args:
        file: a shipped name (``smpl_pose_prior``) or a path.

    Returns:
        dict with ``path``, ``joints`` (tuple of J names), ``low``, ``mean``, ``high`` (J, 3) in radians, ``rest`` (J,),
        ``shape_width`` and ``mean_betas`` (B,).

    Raises:
        FileNotFoundError: there is no shipped prior and no file of this name.
        ValueError: a joint is unknown, has unknown keys or lacks an axis, a range is not three numbers with low <= mean
            <= high, a probability is outside [0, 1], or ``shape`` lacks the width or the number of components, has an
            unknown key, or has a mean that is not a list of at most B numbers.
    """
    path = find_named(file, DATA_DIR, '.json')
    if not path.is_file():
        names = sorted(p.stem for p in DATA_DIR.glob('*prior*.json'))
        raise FileNotFoundError(f'pose prior {str(file)!r}: neither a file nor one of the shipped priors {names}')
    content = read_json(path, ['joints', 'limits', 'shape'])
    joints, all_limits = tuple(content['joints']), content['limits']
    if not isinstance(all_limits, dict):
        raise ValueError(f'{path.name}: limits = {all_limits!r}, expected an object {{joint: limits}}')
    low, mean, high = np.zeros((3, len(joints), 3))
    rest = np.ones(len(joints))
    for name, limits in all_limits.items():
        if name not in joints:
            raise ValueError(f'{path.name}: limits name the joint {name!r}, which is not among the joints {joints}')
        j = joints.index(name)
        rest[j], *ranges = _joint_limits(f'{path.name}: {name}', limits)
        low[j], mean[j], high[j] = np.transpose(ranges)
    width, mean_betas = _shape(f'{path.name}: shape', content['shape'])
    return dict(path=path, joints=joints, low=np.deg2rad(low), mean=np.deg2rad(mean), high=np.deg2rad(high), rest=rest,
                shape_width=width, mean_betas=mean_betas)


def _joint_limits(where: str, limits: Any) -> tuple[float, list[float], list[float], list[float]]:
    """Return the rest probability, and [low, mean, high] of the three axes."""
    if not isinstance(limits, dict) or not {*AXES} <= set(limits) <= {'rest', *AXES}:
        found = sorted(limits) if isinstance(limits, dict) else limits
        raise ValueError(f'{where} has {found!r}, expected x, y, z, and rest or not; [0, 0, 0] keeps an axis still')
    rest = limits.get('rest', 0.0)
    if not _is_number(rest) or not 0 <= rest <= 1:
        raise ValueError(f'{where}.rest = {rest!r}, expected a probability in [0, 1]')
    for axis in AXES:
        limit = limits[axis]
        if not isinstance(limit, list) or len(limit) != 3 or not all(map(_is_number, limit)) or sorted(limit) != limit:
            raise ValueError(f'{where}.{axis} = {limit!r}, expected [low, mean, high] in degrees with low <= mean <= '
                             'high')
    return rest, limits['x'], limits['y'], limits['z']


def _shape(where: str, shape: Any) -> tuple[float, np.ndarray]:
    """Return the width and the mean of each component."""
    if not isinstance(shape, dict) or not {'width', 'components'} <= set(shape) <= {'width', 'components', 'mean'}:
        raise ValueError(f'{where} = {shape!r}, expected {{"width": w, "components": B}}, and "mean" or not')
    width, components = shape['width'], shape['components']
    if not _is_number(width) or width < 0:
        raise ValueError(f'{where}.width = {width!r}, expected a number of standard deviations, 0 or above')
    if not _is_number(components) or components < 0 or components != int(components):
        raise ValueError(f'{where}.components = {components!r}, expected a whole number, 0 or above')
    mean = shape.get('mean', [])
    if not isinstance(mean, list) or not all(map(_is_number, mean)) or len(mean) > components:
        raise ValueError(f'{where}.mean = {mean!r}, expected a list of at most {components} numbers')
    return float(width), np.array(mean + [0.0] * (int(components) - len(mean)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


@POSE_SOURCES.register_module()
class TruncatedGaussianPrior:
    """Poses and shapes from truncated Gaussians with two widths per axis (paper, 3.3.2 and C.1).

    Each axis of a joint keeps its rest pose, 0, with the joint's rest probability, independently of the other axes
    (C.1: "for each pose parameter"). Otherwise one side of the mean is chosen with probability 0.5, and the magnitude
    is drawn from a normal with standard deviation (that side's width) / 1.96, truncated at the width.

    Args:
        file: a shipped name or the path of a JSON file (:func:`read_prior_file`). Default: the paper's prior (C.1).
        mode: ``'truncate'`` (paper) or ``'clip'`` (released code): see :func:`half_normal`. Default: ``'truncate'``.

    Raises:
        FileNotFoundError: there is no such prior.
        ValueError: ``mode`` is unknown, or the file is invalid (:func:`read_prior_file`).
    """

    version = 2  # version 1 kept whole joints at rest

    def __init__(self, file: str = 'smpl_pose_prior', mode: Literal['truncate', 'clip'] = 'truncate') -> None:
        if mode not in ('truncate', 'clip'):
            raise ValueError(f"TruncatedGaussianPrior: mode={mode!r}, expected 'truncate' or 'clip'")
        self.mode = mode
        prior = read_prior_file(file)
        self.data_files = (prior['path'],)
        self.joint_names: tuple[str, ...] = prior['joints']
        self.low, self.mean, self.high = prior['low'], prior['mean'], prior['high']
        self.rest, self.shape_width, self.mean_betas = prior['rest'], prior['shape_width'], prior['mean_betas']

    def sample(self, n: int, rng: np.random.Generator, index: int = 0) -> PoseSample:
        """Draw ``n`` independent poses and shapes.

        Args:
            n: number of samples.
            rng: source of all randomness.
            index: unused; part of the common interface.

        Returns:
            The n poses, of J joints.
        """
        at_rest = rng.random((n, len(self.rest), 3)) < self.rest[:, None]
        up = rng.random((n, len(self.rest), 3)) < 0.5
        width = np.where(up, self.high - self.mean, self.mean - self.low)
        size = half_normal(rng, (n, len(self.rest), 3), width, self.mode)
        pose = np.where(at_rest, 0.0, self.mean + np.where(up, size, -size))
        betas = self.mean_betas + symmetric_normal(rng, (n, len(self.mean_betas)), self.shape_width, mode=self.mode)
        return PoseSample(pose.astype(np.float32), betas.astype(np.float32), ('',) * n, np.full(n, -1))
