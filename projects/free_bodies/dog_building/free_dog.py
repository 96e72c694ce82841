"""Convert the dog of dm_control to a dog in SMAL's format.

Shapes: V vertices, J = 35 joints, B shapes, S sampled bodies. Axes: x to the front, y to the left, z up; metres.
"""
from pathlib import Path
from typing import NamedTuple

import numpy as np
from body_model_building import mesh, regression
from body_model_building.decimation import decimate
from body_model_building.human_rig import few_influences

from . import dog_landmarks, dog_rig, dog_shapes
from .skin_file import read_places, read_skin, welded

LICENSE = ('Apache-2.0, Copyright 2018 The dm_control Authors; altered from dm_control 1.0.50 by '
           'mmxas projects/animal/tools/build_free_dog.py')
NOTICE = ('Built from the dog of dm_control (Apache-2.0). This is not an official SMAL model and holds no SMAL data; '
          'only the joint tree and the file format are the same. See NOTICE beside this file.')
_LEFT_UP_FRONT = [1, 2, 0]  # the axes of body_model_building.mesh, whose mirror plane is x = 0
_MIRROR_TOLERANCE = 1e-5  # m
_HEAD_WEIGHT = 0.15  # of the head's quadric error: three quarters of the source lie inside the mouth
_JAW_CLOSING = 0.2  # rad
_SMOOTHING_STEPS = 3
_REGRESSOR_SAMPLES = 160


class Dog(NamedTuple):
    """A decimated, skinned dog with the root joint at the origin.

    Attributes:
        vertices, faces: (V, 3), (F, 3).
        uv, uv_faces: (T, 2) with v up, (F, 3).
        weights: (V, J) skinning weights.
        joints: (J, 3).
        mirror: (V,) mirrored twin of each vertex.
        landmarks: Vertex by landmark.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    weights: np.ndarray
    joints: np.ndarray
    mirror: np.ndarray
    landmarks: dict[str, int]


def build_dog(suite: Path, num_vertices: int) -> Dog:
    """Read, weld, re-rig and decimate the dog of the folder ``dm_control/suite``."""
    skin = welded(read_skin(suite / 'dog_assets/dog_skin.skn'))
    joints = dog_rig.joint_positions(read_places(suite / 'dog.xml'))
    mirror = mesh.mirror_map(skin.vertices[:, _LEFT_UP_FRONT], _MIRROR_TOLERANCE)
    vertices = dog_rig.symmetrised_points(skin.vertices, mirror)
    tips = dog_rig.ear_tips(vertices, mirror)
    weights = dog_rig.joint_weights(skin.bones, vertices, joints)
    weights, joints = dog_rig.attach_ears(weights, joints, vertices, skin.faces, tips)
    weights = dog_rig.symmetrised_weights(weights, mirror)
    vertices = dog_rig.mouth_closed(vertices, weights, joints, _JAW_CLOSING)
    importance = np.where(weights[:, dog_rig.columns(('Head', 'Mouth'))].sum(1) > 0.9, _HEAD_WEIGHT, 1.0)
    reduced = decimate(vertices, skin.faces, skin.uv_faces, num_vertices, mirror, importance)
    kept = reduced.kept
    place = {int(vertex): index for index, vertex in enumerate(kept)}
    kept_mirror = np.array([place[int(mirror[vertex])] for vertex in kept])
    smooth = mesh.smoothed(weights[kept], reduced.faces, _SMOOTHING_STEPS)
    smooth = few_influences(dog_rig.symmetrised_weights(smooth, kept_mirror))
    uv_used, uv_faces = np.unique(reduced.uv_faces, return_inverse=True)
    origin, kept_tips = joints[0], dog_rig.ear_tips(vertices[kept], kept_mirror)
    points = dog_landmarks.landmark_vertices(vertices[kept] - origin, smooth, joints - origin, kept_mirror, kept_tips,
                                             origin)
    return Dog(vertices[kept] - origin, reduced.faces, np.clip(skin.uv[uv_used] * [1, -1] + [0, 1], 0, 1),
               uv_faces.reshape(reduced.faces.shape), smooth, joints - origin, kept_mirror, points)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Return unit normals (V, 3), weighted by area and symmetrised, since a few triangles are not symmetric."""
    corners = vertices[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], areas)
    normals = dog_rig.symmetrised_points(normals, mirror)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def model_arrays(dog: Dog, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return the arrays of the model's file, and statistics (lengths in mm)."""
    body = dog_shapes.Body(dog.vertices, dog.joints, dog.weights, vertex_normals(dog.vertices, dog.faces, dog.mirror))
    names, shapedirs, joint_shapedirs = dog_shapes.shape_space(body)
    shapedirs, template = shapedirs.astype(np.float16), dog.vertices.round(6).astype(np.float32)
    betas = np.random.default_rng(seed).normal(size=(_REGRESSOR_SAMPLES, len(names)))
    shapes = template + np.einsum('sb,vcb->svc', betas, shapedirs.astype(float))
    joints = dog.joints + np.einsum('sb,jcb->sjc', betas, joint_shapedirs)
    rows = regression.fit_joint_regressor(shapes, joints, dog.weights, dog_rig.PARENTS)
    rows = regression.rounded_rows(regression.symmetrised_rows(rows, dog.mirror, dog_rig.TWINS))
    errors = np.linalg.norm(np.einsum('jv,svc->sjc', rows, shapes) - joints, axis=2) * 1000
    figures = {
        'height_mm': float(np.ptp(template[:, 2])) * 1000, 'length_mm': float(np.ptp(template[:, 0])) * 1000,
        'joint_error_mean_mm': float(errors.mean()), 'joint_error_max_mm': float(errors.max()),
        'asymmetry_mm': float(np.abs(template[dog.mirror] * [1, -1, 1] - template).max()) * 1000,
    }
    return _arrays(dog, template, names, shapedirs, rows), figures


def _arrays(dog: Dog, template: np.ndarray, names: tuple[str, ...], shapedirs: np.ndarray,
            regressor: np.ndarray) -> dict[str, np.ndarray]:
    parents = np.array([2 ** 32 - 1, *dog_rig.PARENTS[1:]])
    return {
        'v_template': template,
        'f': dog.faces.astype(np.uint16),
        'shapedirs': shapedirs,
        'beta_names': np.array(names),
        'J_regressor': regressor.astype(np.float32),
        'weights': dog.weights.astype(np.float32),
        'kintree_table': np.stack([parents, np.arange(len(parents))]),
        'joint_names': np.array(dog_rig.JOINTS),
        'part_labels': dog.weights.argmax(1).astype(np.uint8),
        'vertex_names': np.array(list(dog.landmarks)),
        'vertex_index': np.array(list(dog.landmarks.values()), np.int32),
        'vertex_mirror': dog.mirror.astype(np.uint16),
        'vt': dog.uv.astype(np.float32),
        'ft': dog.uv_faces.astype(np.uint16),
        'axes': np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.int8),
        'variant': np.array('free dog'),
        'license': np.array(LICENSE),
        'notice': np.array(NOTICE),
    }
