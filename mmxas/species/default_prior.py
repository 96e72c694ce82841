"""Default pose prior of a new species: the same narrow limits for all axes.

Shapes: J joints.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.body_models.rigged_body_model import RiggedBodyModel
from mmxas.io import read_json
from mmxas.synthesis.pose_sources.truncated_gaussian import AXES, read_prior_file

from .derived_skeleton import MIRROR_TOLERANCE, PLANE_TOLERANCE, body_size, mirror_partners

ROOT_LIMIT, MIDDLE_LIMIT, SIDE_LIMIT, REST = 5, 10, 20, 0.2  # degrees; probability
ABOUT = ('Pose prior: [low, mean, high] in degrees of each joint\'s axis-angle vector, whose axes are those of the '
         'body model\'s file. rest: the probability that a joint keeps its rest pose. A joint without limits never '
         'moves.')


def default_prior(body: RiggedBodyModel) -> dict[str, Any]:
    """Return limits for all axes of each joint: 5 degrees at the root, 10 on the middle line, 20 at the sides.

    Args:
        body: The body; its joint positions at rest decide which joints are on the middle line.

    Returns:
        dict: Content of a prior's file (``read_prior_file``).
    """
    positions = body.joint_template.numpy() @ body.axes.T
    size = body_size(body)
    partners = mirror_partners(positions, MIRROR_TOLERANCE * size, PLANE_TOLERANCE * size)
    limits = {}
    for joint, name in enumerate(body.joint_names):
        limit = ROOT_LIMIT if joint == 0 else MIDDLE_LIMIT if partners[joint] == joint else SIDE_LIMIT
        limits[name] = {'rest': 0.0 if joint == 0 else REST, **{axis: [-limit, 0, limit] for axis in AXES}}
    return dict(about=ABOUT, joints=list(body.joint_names), shape=dict(width=2.0, components=body.num_betas),
                limits=limits)


def adopted_prior(file: str | Path, body: RiggedBodyModel) -> dict[str, Any]:
    """Return an existing prior for a body with the same joints.

    Args:
        file: A shipped name or a file.
        body: The body.

    Raises:
        FileNotFoundError: The prior does not exist.
        ValueError: The file is broken, or its joints or shape components do not match the body.
    """
    prior = read_prior_file(file)
    check_joints(prior, body)
    return read_json(prior['path'])


def check_joints(prior: Mapping[str, Any], body: RiggedBodyModel) -> None:
    """Raise if a prior of ``read_prior_file`` does not fit a body.

    Raises:
        ValueError: The joints or their order differ, or there are more shape components than the body has.
    """
    if prior['joints'] != tuple(body.joint_names):
        place = int(np.argmin([a == b for a, b in zip(prior['joints'], body.joint_names)] + [False]))
        names = [joints[place] if place < len(joints) else 'nothing' for joints in (prior['joints'], body.joint_names)]
        raise ValueError(f'{prior["path"]}: {len(prior["joints"])} joints, of which number {place} is {names[0]!r}; '
                         f'{body.model_path} has {body.num_joints}, and there {names[1]!r}')
    if len(prior['mean_betas']) > body.num_betas:
        raise ValueError(f'{prior["path"]}: shape.components is {len(prior["mean_betas"])}, but {body.model_path} has '
                         f'{body.num_betas}')
