"""SMAL body model: official files with 35 joints, or a free model of the same format.

Shapes: N batch, V vertices, J = 35 joints, B shape components, L log-scales, K keypoints.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mmxas.registry import BODY_MODELS

from .body_model_file import BodyModelFile, read_body_model
from .model_family import SHIPPED_DIR, ModelFamily
from .rigged_body_model import RiggedBodyModel
from .skinned_model import BodyOutput
from .smal_variants import SMALVariant, family_mean, identify, landmarks, log_scale_axes

SMAL_AXES = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # left, up, front: x to the front, y to the left, z up


@BODY_MODELS.register_module()
class SMALBodyModel(RiggedBodyModel):
    """SMAL body model on smplx's skinning functions (paper, section 4.4.2).

    Axes: x to the front, y to the left, z up; metres. The variant is inferred from the file's shapes.

    Args:
        model_path: ``'free'`` (the model that ships with the package), a file, a folder with official files, or
            ``'official'`` to search ``$SMAL_MODEL_DIR`` and the usual folders. Defaults to ``'free'``.
        num_betas: Number of shape coefficients to use. Defaults to None, all of the file's.
        keypoints: File of keypoint definitions. Defaults to None: the 35 joints.
        variant: Name of the known variant to treat the file as. Defaults to None: inferred from its shapes.
        shape_data: Official data file with the families' mean shapes. Defaults to None.
        shape_family: Name or index of the family in ``shape_data`` that provides the mean shape. Defaults to ``1``.
        log_scale_std: Standard deviation of the variant's log-scales. If positive, L coefficients follow the B others;
            each, times the standard deviation, is a log-scale, whose exponential stretches one part of the body.
            Defaults to 0, no log-scales.
        metres_per_unit: Length of the file's unit in metres. Defaults to None, the variant's.
        shape: Shape coefficients that define a new mean shape, ``{name or index: value}``. Defaults to None.
        uv: File of texture coordinates (:func:`with_texture_coordinates`); official model files contain none. Defaults
            to None: those in the model's file; for the official mesh, a SMALST file beside it or in the usual folders.

    Raises:
        BodyModelNotFoundError: There is no model file; the message lists all searched places.
        ValueError: The file is broken, belongs to another body model, or is an unknown variant.

    Attributes:
        variant: The :class:`SMALVariant` of the file.
    """

    FAMILY = ModelFamily.from_file(SHIPPED_DIR / 'smal.json')

    def __init__(self, model_path: str | os.PathLike = 'free', num_betas: int | None = None,
                 keypoints: str | os.PathLike | None = None, variant: str | None = None,
                 shape_data: str | os.PathLike | None = None, shape_family: str | int = 1, log_scale_std: float = 0.0,
                 metres_per_unit: float | None = None, shape: Mapping[str | int, float] | None = None,
                 uv: str | os.PathLike | None = None) -> None:
        model = read_body_model(self.FAMILY.find(model_path), num_joints=len(self.FAMILY.joint_names))
        found = identify(model, variant)
        model = _with_names(model, self.FAMILY.joint_names)
        if shape_data is not None:
            model = _with_mean(model, family_mean(shape_data, shape_family, model.shapedirs.shape[-1]))
        model, uv_files = self.FAMILY.with_uv(model, uv)
        unit = found.metres_per_unit if metres_per_unit is None else metres_per_unit
        super().__init__(model, num_betas, keypoints, unit, shape)
        self.data_files += uv_files
        self.variant: SMALVariant = found
        self._add_log_scales(log_scale_std)

    def _add_log_scales(self, std: float) -> None:
        if std < 0:
            raise ValueError(f'{self.model_path}: log_scale_std={std}, expected a number >= 0')
        self.num_shape_betas = self.num_betas
        names = self.variant.log_scales if std > 0 else ()
        axes = torch.tensor(std * log_scale_axes(names, self.num_joints), dtype=torch.float32)
        self.register_buffer('log_scale_axes', axes, persistent=False)
        self.num_betas += len(names)
        if names and self.beta_names:
            self.beta_names += tuple(f'log_{name}' for name in names)

    def shaped(self, betas: Tensor | None = None) -> BodyOutput:
        """Return the body at rest, without log-scales, which act with the pose."""
        return super().shaped(None if betas is None else betas[:, :self.num_shape_betas])

    def joint_transforms(self, rotations: Tensor, joints: Tensor, betas: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the posed joints (N, J, 3) and transforms (N, J, 4, 4), with joint frames stretched by log-scales.

        Joint j has S_parent⁻¹ R_j S_j instead of R_j, so that its stretch S_j is not passed on to its children.
        """
        if betas is not None and betas.shape[1] > self.num_shape_betas:
            coefficients = betas[:, self.num_shape_betas:]
            log_scales = torch.einsum('nl,ljc->njc', coefficients, self.log_scale_axes[:coefficients.shape[1]])
            parents = self._parents[1:]
            inner = rotations[:, 1:] * torch.exp(log_scales[:, 1:, None]) * torch.exp(-log_scales[:, parents, :, None])
            rotations = torch.cat([rotations[:, :1], inner], dim=1)
        return super().joint_transforms(rotations, joints, betas)


def _with_names(model: BodyModelFile, joint_names: tuple[str, ...]) -> BodyModelFile:
    """Add joint names, axes and landmarks, which official files lack."""
    return replace(model, joint_names=model.joint_names or joint_names,
                   axes=SMAL_AXES if model.axes is None else model.axes,
                   vertex_ids=model.vertex_ids or landmarks(model.num_vertices))


def _with_mean(model: BodyModelFile, betas: np.ndarray) -> BodyModelFile:
    return replace(model, v_template=model.v_template + model.shapedirs @ betas)
