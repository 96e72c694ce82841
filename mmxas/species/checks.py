"""Check that the parts of a species are consistent.

Shapes: K keypoints, J joints, V vertices, N samples.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.config import Config

from mmxas.body_models.body_model_file import read_body_model
from mmxas.datasets.shared_parts import PARTS, share
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import BODY_MODELS, POSE_SOURCES
from mmxas.structures import Skeleton, load_skeleton, require_same_skeleton
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_sources.truncated_gaussian import read_prior_file

from .config_parts import synthetic_generator
from .default_prior import check_joints
from .derived_skeleton import MIRROR_TOLERANCE, body_size, size_warning
from .prior_extremes import damage, extreme_poses, extremes_sheet, mesh_edges, posed_vertices

SUM_TOLERANCE = 1e-3
MAX_TORN = 0.002
VOLUMES = (0.85, 1.2)
MIN_INSIDE = 0.95
SHOWN = np.deg2rad(9.5)  # rad; smaller limits are not drawn: they look like the rest pose
NEAR = 0.02  # a keypoint may lie this far outside the mask, as a fraction of the image's side


class Verdict(NamedTuple):
    """Result of a check.

    Attributes:
        name: The check.
        passed: True or False; None if it could not run.
        message: Numbers if it passed, otherwise the reason.
    """

    name: str
    passed: bool | None
    message: str


class CheckFailed(ValueError):
    """Parts of a species do not fit; the message has the part and the expectation."""


class SpeciesChecker:
    """Checks one config.

    Args:
        config: The config.
        num_samples: N poses of the prior to check and to render. Defaults to 32.
        seed: Seed of the poses. Defaults to 0.

    Attributes:
        sheet: (H, W, 3) uint8 RGB after :meth:`extremes`, else None: bodies at limits of 10 degrees and more, and in
            samples.
    """

    def __init__(self, config: Config, num_samples: int = 32, seed: int = 0) -> None:
        self.config, self.num_samples, self.seed = config, num_samples, seed
        self.sheet: np.ndarray | None = None

    def run(self, names: Sequence[str] | None = None) -> list[Verdict]:
        """Run checks; a check is skipped if a check of its parts failed.

        Args:
            names: Names of the checks, in any order. Defaults to None: all.
        """
        checks: dict[str, Callable[[], str]] = {
            'tree': self.tree, 'one skeleton': self.one_skeleton, 'limits': self.limits, 'body': self.body,
            'pairs': self.pairs, 'regressors': self.regressors, 'extremes': self.extremes, 'inside': self.inside}
        needs = {'one skeleton': ('tree',), 'pairs': ('tree', 'body'), 'regressors': ('body',),
                 'extremes': ('limits', 'body'), 'inside': ('tree', 'limits', 'body')}
        verdicts: list[Verdict] = []
        for name, check in checks.items():
            if names is not None and name not in names:
                continue
            broken = [one.name for one in verdicts if one.name in needs.get(name, ()) and not one.passed]
            verdicts.append(Verdict(name, None, f'not run: needs {", ".join(broken)}') if broken
                            else _verdict(name, check))
        return verdicts

    @cached_property
    def generator(self) -> dict[str, Any]:
        """Config of the synthetic pairs."""
        return synthetic_generator(self.config)

    @cached_property
    def skeleton(self) -> Skeleton:
        """The training skeleton."""
        return load_skeleton(self.config.model.skeleton)

    @cached_property
    def bodies(self) -> list[Any]:
        """The body models."""
        given = self.generator['body_model']
        return [BODY_MODELS.build(body).eval() for body in (given if isinstance(given, list) else [given])]

    @cached_property
    def prior(self) -> dict[str, Any]:
        """The prior's limits; raises CheckFailed for another pose source."""
        source = self.generator['pose_source']
        if source.get('type') != 'TruncatedGaussianPrior':
            raise CheckFailed(f'pose_source is a {source.get("type")}; a TruncatedGaussianPrior expected')
        return read_prior_file(source.get('file', 'smpl_pose_prior'))

    def tree(self) -> str:
        """Check that the links form one tree and the flip pairs are mutual; loading a skeleton verifies both."""
        skeleton = self.skeleton
        return (f'{skeleton.num_keypoints} keypoints, {len(skeleton.links)} links, {len(skeleton.flip_pairs)} pairs, '
                f'root {skeleton.keypoints[skeleton.root]}')

    def one_skeleton(self) -> str:
        """Check that data, metrics and parts of the model have the model's skeleton, if they define one.

        Raises:
            CheckFailed: One has another skeleton.
        """
        model = self.config.model
        parts = {'discriminator': model.get('discriminator'),
                 **{f'losses.{name}': part for name, part in (model.get('losses') or {}).items()}}
        try:
            for name in PARTS:
                share(self.config.get(name), model, name)
            for name, part in parts.items():
                if part and part.get('skeleton') is not None:
                    require_same_skeleton(load_skeleton(part['skeleton']), self.skeleton, f'model.{name}')
        except ValueError as error:
            raise CheckFailed(str(error)) from error
        count = model.head.get('num_keypoints', self.skeleton.num_keypoints)
        if count != self.skeleton.num_keypoints:
            raise CheckFailed(f'model.head.num_keypoints is {count}; {self.skeleton.num_keypoints} expected')
        return f'the model, data and metrics have the {self.skeleton.num_keypoints} keypoints of {self.skeleton.name!r}'

    def limits(self) -> str:
        """Check that limits are ordered; reading a prior verifies it.

        Raises:
            CheckFailed: Every limit is zero.
        """
        prior = self.prior
        free = (prior['high'] > prior['low']).sum()
        if not free:
            raise CheckFailed(f'{prior["path"]}: no joint can move')
        return f'low <= mean <= high on all axes; {free} of {3 * len(prior["joints"])} axes move'

    def body(self) -> str:
        """Check that the body has the skeleton's keypoints and the prior's joints; CheckFailed lists missing ones."""
        for body in self.bodies:
            if 'prior' in vars(self):
                check_joints(self.prior, body)
            if 'skeleton' in vars(self) and tuple(body.keypoint_names) != self.skeleton.keypoints:
                strangers = sorted(set(body.keypoint_names) ^ set(self.skeleton.keypoints))
                raise CheckFailed(f'{body.model_path} gives {body.num_keypoints} keypoints, the skeleton has '
                                  f'{self.skeleton.num_keypoints}; ' + (f'only one has {", ".join(strangers)}'
                                                                        if strangers else 'their order differs'))
        body = self.bodies[0]
        warnings = [f'; WARNING: {text}' for text in map(size_warning, self.bodies) if text]
        return (f'{body.num_joints} joints, {body.num_vertices} vertices, {body.num_betas} shape components, body '
                f'{body_size(body):.2f} m long') + ''.join(warnings)

    def pairs(self) -> str:
        """Check that flip pairs, and the bones between them, are mirror images at rest.

        Raises:
            CheckFailed: A pair does not.
        """
        skeleton, worst = self.skeleton, 0.0
        flip = skeleton.flip_indices
        for keypoint, parent in enumerate(skeleton.parents):
            if skeleton.parents[flip[keypoint]] != flip[parent]:
                raise CheckFailed(f'{_pair(skeleton, keypoint)} hangs on {_pair(skeleton, parent)}; twins hang on '
                                  'twins, or on one keypoint of the middle')
        for body in self.bodies:
            rest = body.keypoints(body.v_template[None])[0].numpy() @ body.axes.T
            worst = max(worst, _mirror_error(rest, skeleton) / body_size(body))
        count = len(skeleton.flip_pairs)
        return f'{count} pairs, at most {100 * worst:.1f} % of the body\'s size beside their mirror image'

    def regressors(self) -> str:
        """Check that rows of the joint and keypoint regressors and of the skinning weights sum to one.

        Raises:
            CheckFailed: A row does not sum to one.
        """
        worst, rows = 0.0, 0
        for body in self.bodies:
            file = read_body_model(body.model_path)
            joints = body.joint_names
            matrices = {'J_regressor': (file.joint_regressor, joints), 'weights': (file.skinning_weights, None),
                        'keypoints': (body.keypoint_layer.weights.numpy(), body.keypoint_names)}
            for name, (matrix, names) in matrices.items():
                error = np.abs(matrix.sum(1) - 1)
                row = int(error.argmax())
                if error[row] > SUM_TOLERANCE:
                    raise CheckFailed(f'{body.model_path}: row {row if names is None else names[row]} of {name} sums '
                                      f'to {matrix[row].sum():.4f}; 1 expected')
                worst, rows = max(worst, float(error[row])), rows + len(matrix)
        return f'{rows} rows sum to one within {worst:.1e}'

    def extremes(self) -> str:
        """Check that the mesh stays intact at each limit and in samples of the prior.

        Raises:
            CheckFailed: A pose tears it, or makes it shrink or swell; the message has the worst one.
        """
        body = self.bodies[0]
        poses = extreme_poses(self.prior)
        names = [pose.name for pose in poses] + [f'sample {i}' for i in range(self.num_samples)]
        samples = self._samples()
        vertices = np.concatenate([posed_vertices(body, np.stack([pose.pose for pose in poses])),
                                   posed_vertices(body, samples.pose, samples.betas)])
        shapes = np.concatenate([np.zeros((len(poses), samples.betas.shape[1]), np.float32), samples.betas])
        rests = posed_vertices(body, np.zeros((len(shapes), body.num_joints, 3), np.float32), shapes)
        edges = mesh_edges(body.faces)
        found = [damage(posed, rest, body.faces, edges) for posed, rest in zip(vertices, rests)]
        broken = [one.torn > MAX_TORN or not VOLUMES[0] <= one.volume <= VOLUMES[1] for one in found]
        shown = [i for i, pose in enumerate(poses) if broken[i] or np.abs(pose.pose).max() >= SHOWN]
        shown += range(len(poses), len(names))
        self.sheet = extremes_sheet(body, vertices[shown], [names[i] for i in shown], [broken[i] for i in shown])
        torn = int(np.argmax([one.torn for one in found]))
        volume = int(np.argmax([abs(np.log(max(one.volume, 1e-9))) for one in found]))
        message = (f'{len(poses)} limits and {self.num_samples} samples; torn at most {100 * found[torn].torn:.2f} % '
                   f'of the edges ({names[torn]}), volume at worst {found[volume].volume:.2f} ({names[volume]})')
        if any(broken):
            raise CheckFailed(f'{sum(broken)} poses destroy the body, the first is {names[broken.index(True)]}; of '
                              f'{message}; at most {100 * MAX_TORN:g} % and {VOLUMES[0]} to {VOLUMES[1]} expected: '
                              'narrow the limits')
        return message

    def inside(self) -> str:
        """Check that keypoints of rendered pairs are inside the mask.

        Raises:
            CheckFailed: Too many are outside; the message has the worst keypoint.
        """
        generator = PairGenerator.from_config(self.generator, seed=self.seed)
        inside = np.zeros((self.num_samples, self.skeleton.num_keypoints), bool)
        for number in range(self.num_samples):
            pair = generator.generate(number)
            inside[number] = keypoints_inside(pair.mask, camera_to_image(pair.keypoints_cam, pair.K)[:, :2])
        share, per_keypoint = inside.mean(), inside.mean(0)
        worst = int(per_keypoint.argmin())
        message = (f'{100 * share:.1f} % of the keypoints in {self.num_samples} pairs; least '
                   f'{self.skeleton.keypoints[worst]}, {100 * per_keypoint[worst]:.0f} %')
        if share < MIN_INSIDE:
            raise CheckFailed(f'{message}; at least {100 * MIN_INSIDE:g} % expected: is the skeleton in the order of '
                              'the body\'s keypoints, and are they on the body?')
        return message

    def _samples(self) -> Any:
        prior = POSE_SOURCES.build(self.generator['pose_source'])
        return prior.sample(self.num_samples, np.random.default_rng(self.seed))


def check_config(config: Config, num_samples: int = 32, seed: int = 0) -> tuple[list[Verdict], np.ndarray | None]:
    """Check the species of a config.

    Args:
        config: The config.
        num_samples: Number of poses of the prior to check and to render. Defaults to 32.
        seed: Seed of the poses. Defaults to 0.

    Returns:
        The verdicts, and the sheet (H, W, 3) uint8 RGB of the prior's limits, None if it could not be drawn.
    """
    checker = SpeciesChecker(config, num_samples, seed)
    verdicts = checker.run()
    return verdicts, checker.sheet


def keypoints_inside(mask: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return which keypoints are in a mask, or within 2 % of the image's side of it.

    Args:
        mask: (S, S) uint8, 0 or 255.
        pixels: (K, 2) x, y in px.

    Returns:
        np.ndarray: (K,) bool; False outside the image.
    """
    reach = max(1, round(NEAR * mask.shape[0]))
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)) > 0
    x, y = np.round(pixels).astype(int).T
    seen = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    return seen & grown[y.clip(0, mask.shape[0] - 1), x.clip(0, mask.shape[1] - 1)]


def _pair(skeleton: Skeleton, keypoint: int) -> str:
    twin = skeleton.flip_indices[keypoint]
    name = skeleton.keypoints[keypoint]
    return f'{name} (no twin)' if twin == keypoint else f'{name} (twin {skeleton.keypoints[twin]})'


def _mirror_error(rest: np.ndarray, skeleton: Skeleton) -> float:
    """Return the largest distance, m, of a keypoint (K, 3) from its partner's mirror image (its own if unpaired)."""
    size = float(np.ptp(rest, axis=0).max())
    for left, right in skeleton.flip_pairs:
        if rest[left, 0] <= rest[right, 0]:
            raise CheckFailed(f'{skeleton.keypoints[left]} lies on the right of {skeleton.keypoints[right]} at rest; a '
                              'pair is (left, right)')
    distance = np.linalg.norm(rest[list(skeleton.flip_indices)] * [-1, 1, 1] - rest, axis=1)
    worst = int(distance.argmax())
    if distance[worst] > MIRROR_TOLERANCE * size:
        raise CheckFailed(f'{skeleton.keypoints[worst]} lies {1000 * distance[worst]:.0f} mm beside the mirror image '
                          f'of {skeleton.keypoints[skeleton.flip_indices[worst]]} at rest; at most '
                          f'{1000 * MIRROR_TOLERANCE * size:.0f} mm expected')
    return float(distance[worst])


def _verdict(name: str, check: Callable[[], str]) -> Verdict:
    try:
        return Verdict(name, True, check())
    except (ValueError, OSError, KeyError, TypeError, ImportError, RuntimeError) as error:
        return Verdict(name, False, f'KeyError: {error}' if isinstance(error, KeyError) else str(error))
