"""Poses at the limits of a prior, their damage to the body's mesh, and a sheet that shows them.

Shapes: N poses, J joints, V vertices, F triangles, E edges.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from mmxas.body_models.skinned_model import SkinnedBodyModel
from mmxas.registry import APPEARANCES, RENDERERS
from mmxas.synthesis.cameras import FACING, rotation
from mmxas.synthesis.pose_sources.truncated_gaussian import AXES
from mmxas.synthesis.scene import RandomLight
from mmxas.visualization.contact_sheet import captioned, contact_sheet

TORN = 3.0  # multiple of an edge's length at rest
MIN_EDGE = 0.002  # fraction of the body's size; shorter edges are ignored
# The pictures of the sheet.
TILE = 112  # px
YAW = -60.0  # degrees: seen from the body's left, slightly from the front
FOCAL = 3.0  # multiple of the picture's side
DISTANCE = 3.6  # multiple of the body's size


class ExtremePose(NamedTuple):
    """One joint at one limit of one of its axes, all others at rest.

    Attributes:
        name: Such as ``knee y +60``, in degrees.
        pose: (J, 3) axis-angle, rad.
    """

    name: str
    pose: np.ndarray


class Damage(NamedTuple):
    """Damage of a pose to a mesh.

    Attributes:
        torn: Share of the mesh's edge length (at rest) in edges stretched to more than three times their length.
        volume: Ratio of the enclosed volume to that at rest.
    """

    torn: float
    volume: float


def extreme_poses(prior: Mapping[str, Any]) -> list[ExtremePose]:
    """Return a pose for each non-zero limit of a prior.

    Args:
        prior: What ``read_prior_file`` returns.
    """
    poses = []
    for joint, name in enumerate(prior['joints']):
        for axis, letter in enumerate(AXES):
            for limit in sorted({float(prior[side][joint, axis]) for side in ('low', 'high')} - {0.0}):
                pose = np.zeros((len(prior['joints']), 3), np.float32)
                pose[joint, axis] = limit
                poses.append(ExtremePose(f'{name} {letter} {np.rad2deg(limit):+.0f}', pose))
    return poses


@torch.no_grad()
def posed_vertices(body: SkinnedBodyModel, poses: np.ndarray, betas: np.ndarray | None = None) -> np.ndarray:
    """Return vertices (N, V, 3) of poses (N, J, 3) and shapes (N, B), in the body's axes, m."""
    shape = None if betas is None else torch.from_numpy(betas[:, :body.num_betas])
    return body(torch.from_numpy(poses), shape).vertices.numpy()


def mesh_edges(faces: np.ndarray) -> np.ndarray:
    """Return the unique edges (E, 2) of triangles (F, 3)."""
    return np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)


def damage(posed: np.ndarray, rest: np.ndarray, faces: np.ndarray, edges: np.ndarray) -> Damage:
    """Compare a posed mesh with its rest pose.

    Args:
        posed: (V, 3).
        rest: (V, 3), of the same shape.
        faces: (F, 3).
        edges: (E, 2) of :func:`mesh_edges`.

    Raises:
        ValueError: A posed vertex is not finite.
    """
    if not np.isfinite(posed).all():
        raise ValueError('a pose moves vertices to places that are not finite')
    before, after = (np.linalg.norm(mesh[edges[:, 0]] - mesh[edges[:, 1]], axis=1) for mesh in (rest, posed))
    threshold = np.maximum(before, MIN_EDGE * np.ptp(rest, axis=0).max()) * TORN
    return Damage(float(before[after > threshold].sum() / before.sum()),
                  enclosed_volume(posed, faces) / enclosed_volume(rest, faces))


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Return the signed volume enclosed by triangles (F, 3) of vertices (V, 3), about their mean."""
    corners = (vertices - vertices.mean(0))[faces].astype(np.float64)
    return float(np.einsum('fi,fi->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


def extremes_sheet(body: SkinnedBodyModel, vertices: np.ndarray, names: Sequence[str], alarms: Sequence[bool],
                   columns: int = 10) -> np.ndarray:
    """Draw posed bodies, each scaled to its picture.

    Args:
        body: The body, for its triangles and parts.
        vertices: (N, V, 3) in the body's axes, m.
        names: N captions.
        alarms: N flags; a caption is red if its flag is set.
        columns: Pictures per row. Defaults to 10.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(0)
    renderer = RENDERERS.build(dict(type='EmbreeRenderer'))
    surface = APPEARANCES.build(dict(type='PartSegmentation', colormaps=['tab20'])).sample(body, rng)
    light = RandomLight().sample(rng)
    turn = FACING @ rotation(1, np.deg2rad(YAW)) @ body.axes
    K = np.array([[FOCAL * TILE, 0, (TILE - 1) / 2], [0, FOCAL * TILE, (TILE - 1) / 2], [0, 0, 1]])
    tiles = []
    for mesh, name, alarm in zip(vertices, names, alarms, strict=True):
        seen = mesh @ turn.T * 1000
        size = float(np.ptp(seen, axis=0).max())
        seen += [0, 0, DISTANCE * size] - (seen.min(0) + seen.max(0)) / 2
        out = renderer.render(seen, body.faces, surface, K, (TILE, TILE), light)
        picture = 255 + out.alpha[..., None] * (out.rgb.astype(np.float32) - 255)
        tiles.append(captioned(picture.astype(np.uint8), name, alarm))
    return contact_sheet(tiles, columns)
