"""Rotations, shape blending and joint transforms of linear blend skinning (SMPL, Loper et al. 2015, equations 2 to 9).

N: bodies, V: vertices, J: joints, B: shape coefficients. The functions are named as in the package smplx, and
are used where smplx is not installed: its licence forbids commercial use.
"""
from __future__ import annotations

import torch
from torch import Tensor


def batch_rodrigues(rotations: Tensor) -> Tensor:
    """Convert axis-angle vectors to matrices by Rodrigues' formula, R = I + sin(a) K + (1 - cos(a)) K K.

    Args:
        rotations: (M, 3) in rad.

    Returns:
        (M, 3, 3).

    Raises:
        ValueError: The shape is not (M, 3).
    """
    if rotations.dim() != 2 or rotations.shape[1] != 3:
        raise ValueError(f'rotations of shape (M, 3) expected, {tuple(rotations.shape)} found')
    angle = (rotations + 1e-8).norm(dim=1, keepdim=True)
    x, y, z = (rotations / angle).unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    sin, cos = angle.sin()[:, None], angle.cos()[:, None]
    identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
    return identity + sin * cross + (1 - cos) * (cross @ cross)


def blend_shapes(betas: Tensor, directions: Tensor) -> Tensor:
    """Return the displacements of points for given shape coefficients.

    Args:
        betas: (N, B).
        directions: (V, 3, B).

    Returns:
        (N, V, 3).
    """
    return torch.einsum('nb,vcb->nvc', betas, directions)


def batch_rigid_transform(rotations: Tensor, joints: Tensor, parents: Tensor,
                          dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Compose the joints' rotations along the tree.

    Args:
        rotations: (N, J, 3, 3) relative to the parent.
        joints: (N, J, 3) at rest.
        parents: (J,) parent of each joint, with a smaller index; ignored for joint 0.
        dtype: Ignored; for compatibility with smplx.

    Returns:
        Posed joints (N, J, 3), and transforms (N, J, 4, 4) of points from rest to the posed body.
    """
    turns, places = [rotations[:, 0]], [joints[:, 0]]
    for joint, parent in enumerate(parents.tolist()[1:], start=1):
        bone = joints[:, joint] - joints[:, parent]
        places.append(places[parent] + (turns[parent] @ bone[..., None])[..., 0])
        turns.append(turns[parent] @ rotations[:, joint])
    turn, place = torch.stack(turns, dim=1), torch.stack(places, dim=1)
    shift = place - (turn @ joints[..., None])[..., 0]
    transforms = torch.zeros(*turn.shape[:2], 4, 4, dtype=turn.dtype, device=turn.device)
    transforms[..., :3, :3], transforms[..., :3, 3], transforms[..., 3, 3] = turn, shift, 1
    return place, transforms
