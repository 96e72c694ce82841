"""Linear blend skinning of a mesh over a joint tree, using smplx's functions or :mod:`mmxas.ops.skinning`.

Shapes: N batch, V vertices, F faces, J joints, B shape components. Units: metres and radians, in the file's axes.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmxas.ops import skinning

from .body_model_file import BodyModelFile


class BodyOutput(NamedTuple):
    """A posed body.

    Attributes:
        vertices: (N, V, 3) m.
        joints: (N, J, 3) m.
    """

    vertices: Tensor
    joints: Tensor


def import_lbs() -> ModuleType:
    """Return smplx's skinning functions if installed (non-commercial licence), else :mod:`mmxas.ops.skinning`."""
    try:
        from smplx import lbs
    except ImportError:
        return skinning
    return lbs


class SkinnedBodyModel(nn.Module):
    """Skinned mesh with shape components, and with pose blend shapes if the file has them.

    Buffers are not part of the state dict, so that a checkpoint never contains a licensed body model.

    Args:
        model: The content of the model's file.
        num_betas: Number of shape coefficients to use, at most those of the file. Defaults to None, all of them.
        joint_names: Names of the joints. Defaults to ``joint_0``, ``joint_1``, …
        vertex_ids: Landmark vertices in addition to those of the file. Defaults to none.

    Raises:
        ValueError: The file has fewer shape coefficients, or another number of joints than there are names.

    Attributes:
        faces: (F, 3) int64 numpy array.
        parents: Parent of each joint, -1 for the root.
        part_labels: (V,) int64 numpy array, body part of each vertex: the file's, or the joint with the largest weight.
        vertex_ids: Landmark name to vertex index.
        uv: (T, 2) texture coordinates, or None.
        uv_faces: (F, 3) indices into ``uv``, or None.
        beta_names: What each used shape coefficient changes; empty if the file has no names.
        axes: (3, 3) numpy array, rows: the body's left, up and front in the file's axes. The identity (SMPL's axes) if
            the file does not define them.
    """

    def __init__(self, model: BodyModelFile, num_betas: int | None = None, joint_names: Sequence[str] | None = None,
                 vertex_ids: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.num_joints = model.num_joints
        self.num_vertices = model.num_vertices
        self.num_betas = _checked_num_betas(model, num_betas)
        self.joint_names = _checked_joint_names(model, joint_names)
        self.faces = model.faces
        self.parents = tuple(int(parent) for parent in model.parents)
        self.part_labels = model.skinning_weights.argmax(1) if model.part_labels is None else model.part_labels
        self.vertex_ids = dict(model.vertex_ids or vertex_ids or {})
        self.uv, self.uv_faces = model.uv, model.uv_faces
        self.beta_names = model.beta_names[:self.num_betas]
        self.axes = np.eye(3) if model.axes is None else model.axes
        self._register_arrays(model)

    def _register_arrays(self, model: BodyModelFile) -> None:
        shapedirs = model.shapedirs[..., :self.num_betas]
        arrays = {
            'v_template': model.v_template,
            'shapedirs': shapedirs,
            'posedirs': None if model.posedirs is None else model.posedirs.reshape(-1, model.posedirs.shape[-1]).T,
            'skinning_weights': model.skinning_weights,
            # joints are linear in the vertices, hence in the shape: compute 24 rows instead of thousands
            'joint_template': model.joint_regressor @ model.v_template,
            'joint_shapedirs': np.einsum('jv,vcb->jcb', model.joint_regressor, shapedirs),
        }
        for name, array in arrays.items():
            tensor = None if array is None else torch.tensor(array, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer('_parents', torch.tensor(model.parents), persistent=False)

    def forward(self, pose: Tensor, betas: Tensor | None = None, transl: Tensor | None = None) -> BodyOutput:
        """Pose the body.

        Args:
            pose: (N, J, 3) axis-angle in rad relative to the parent; joint 0 is the global orientation, about joint 0.
            betas: (N, B') shape coefficients, B' ≤ ``num_betas``. Defaults to None, the mean shape.
            transl: (N, 3) m, added to all vertices and joints. Defaults to None.

        Returns:
            Vertices and joints.

        Raises:
            ValueError: A tensor has the wrong shape.
        """
        self._check_inputs(pose, betas, transl)
        vertices, joints = self.shaped(betas)
        lbs = import_lbs()
        rotations = lbs.batch_rodrigues(pose.reshape(-1, 3)).view(len(pose), self.num_joints, 3, 3)
        if self.posedirs is not None:
            feature = rotations[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)
            vertices = vertices + (feature.flatten(1) @ self.posedirs).view(len(pose), -1, 3)
        joints = joints.expand(len(pose), -1, -1)
        joints, transforms = self.joint_transforms(rotations, joints, betas)
        vertices = skin(vertices, self.skinning_weights, transforms)
        if transl is not None:
            vertices, joints = vertices + transl[:, None], joints + transl[:, None]
        return BodyOutput(vertices, joints)

    def shaped(self, betas: Tensor | None = None) -> BodyOutput:
        """Return the body at rest for shape coefficients (N, B'), or for the mean shape (N = 1)."""
        if betas is None:
            return BodyOutput(self.v_template[None], self.joint_template[None])
        blend_shapes, count = import_lbs().blend_shapes, betas.shape[1]
        return BodyOutput(self.v_template + blend_shapes(betas, self.shapedirs[..., :count]),
                          self.joint_template + blend_shapes(betas, self.joint_shapedirs[..., :count]))

    def joint_transforms(self, rotations: Tensor, joints: Tensor, betas: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the posed joints (N, J, 3) and the transforms (N, J, 4, 4) from rest to posed.

        Args:
            rotations: (N, J, 3, 3) relative to the parent.
            joints: (N, J, 3) at rest.
            betas: (N, B') shape coefficients or None; ``joints`` include their effect already.
        """
        return import_lbs().batch_rigid_transform(rotations, joints, self._parents, dtype=rotations.dtype)

    def _check_inputs(self, pose: Tensor, betas: Tensor | None, transl: Tensor | None) -> None:
        if pose.dim() != 3 or pose.shape[1:] != (self.num_joints, 3):
            raise ValueError(f'pose of shape (N, {self.num_joints}, 3) expected, {tuple(pose.shape)} found')
        if betas is not None and (betas.dim() != 2 or betas.shape[0] not in (1, len(pose))
                                  or betas.shape[1] > self.num_betas):
            raise ValueError(f'betas of shape ({len(pose)}, at most {self.num_betas}) expected, '
                             f'{tuple(betas.shape)} found')
        if transl is not None and transl.shape != (len(pose), 3):
            raise ValueError(f'transl of shape ({len(pose)}, 3) expected, {tuple(transl.shape)} found')


def skin(vertices: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    """Apply linear blend skinning.

    Args:
        vertices: (N or 1, V, 3) at rest.
        weights: (V, J) rows that sum to one.
        transforms: (N, J, 4, 4) from rest to posed.

    Returns:
        (N, V, 3).
    """
    blended = (weights @ transforms[:, :, :3].flatten(2)).unflatten(2, (3, 4))
    vertices = vertices.expand(len(blended), -1, -1)
    return torch.einsum('nvij,nvj->nvi', blended[..., :3], vertices) + blended[..., 3]


def _checked_num_betas(model: BodyModelFile, num_betas: int | None) -> int:
    available = model.shapedirs.shape[-1]
    if num_betas is None:
        return available
    if not 0 <= num_betas <= available:
        raise ValueError(f'{model.path}: num_betas={num_betas}, but the file has {available} shape components')
    return num_betas


def _checked_joint_names(model: BodyModelFile, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return tuple(f'joint_{joint}' for joint in range(model.num_joints))
    if len(names) != model.num_joints:
        raise ValueError(f'{model.path}: {len(names)} joint names for {model.num_joints} joints')
    return tuple(names)
