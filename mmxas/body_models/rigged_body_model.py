"""Body model of any species, from a file with joint names.

Shapes: N batch, V vertices, J joints, K keypoints.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from mmxas.io.shipped_files import find_shipped
from mmxas.registry import BODY_MODELS

from .body_model_file import BodyModelFile, read_body_model
from .keypoint_definitions import file_of, read_keypoint_definitions, regressor_rows
from .keypoints import KeypointLayer, check_sides
from .skinned_model import SkinnedBodyModel
from .texture_coordinates import with_texture_coordinates


@BODY_MODELS.register_module()
class RiggedBodyModel(SkinnedBodyModel):
    """Skinned mesh from a file with ``joint_names``, and with ``axes`` unless they are SMPL's.

    Args:
        model_path: The file or its content. A path may be relative to the checkout (:func:`find_shipped`).
        num_betas: Shape coefficients in use. Defaults to None, all of the file's.
        keypoints: File of keypoint definitions (:func:`read_keypoint_definitions`). Defaults to None: the joints.
        metres_per_unit: Length of the file's unit in metres. Defaults to 1.
        shape: Shape coefficients that define a new mean shape, ``{name or index: value}``; ``betas`` are then relative
            to it. Defaults to None: the file's mean.
        uv: File of texture coordinates (:func:`with_texture_coordinates`). Defaults to None: those in the model's file.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The file is broken or has no joint names, a shape component does not exist, or a keypoint cannot be
            built from the body's joints and landmarks or lies on the wrong side of the body.

    Attributes:
        keypoint_names: Names of the K keypoints.
        keypoint_weights: (K, V) rows that sum to one.
    """

    def __init__(self, model_path: str | os.PathLike | BodyModelFile, num_betas: int | None = None,
                 keypoints: str | os.PathLike | None = None, metres_per_unit: float = 1.0,
                 shape: Mapping[str | int, float] | None = None, uv: str | os.PathLike | None = None) -> None:
        model = model_path if isinstance(model_path, BodyModelFile) else read_body_model(find_shipped(model_path))
        if not model.joint_names:
            raise ValueError(f'{model.path}: the file has no joint_names; write them into it, or use the body model of '
                             'its format')
        model = shifted(scaled(model, metres_per_unit), shape or {})
        model = model if uv is None else with_texture_coordinates(model, uv)
        super().__init__(model, num_betas, model.joint_names)
        self.model_path: Path = model.path
        self.data_files = file_of(keypoints) + file_of(uv)
        definitions = {name: [{name: 1.0}] for name in model.joint_names}
        if keypoints is not None:
            definitions = read_keypoint_definitions(keypoints)
        self.keypoint_names = tuple(definitions)
        self.keypoint_weights = regressor_rows(definitions, model.joint_regressor, model.joint_names,
                                               self.vertex_ids, model.path)
        check_sides(self.keypoint_weights @ model.v_template @ self.axes.T, self.keypoint_names, model.path)
        self.keypoint_layer = KeypointLayer(self.keypoint_weights)

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints, K."""
        return len(self.keypoint_names)

    def keypoints(self, vertices: Tensor) -> Tensor:
        """Return the keypoints (N, K, 3) of posed vertices (N, V, 3), in the same frame and unit."""
        return self.keypoint_layer(vertices)


def scaled(model: BodyModelFile, factor: float) -> BodyModelFile:
    """Return a body model with all lengths multiplied by ``factor``.

    Raises:
        ValueError: The factor is not positive.
    """
    if not factor > 0:
        raise ValueError(f'{model.path}: metres_per_unit={factor}, expected a positive number')
    posedirs = None if model.posedirs is None else model.posedirs * factor
    return replace(model, v_template=np.asarray(model.v_template) * factor, shapedirs=model.shapedirs * factor,
                   posedirs=posedirs)


def shifted(model: BodyModelFile, shape: Mapping[str | int, float]) -> BodyModelFile:
    """Return a body model whose mean shape is moved by given shape coefficients.

    Args:
        model: The body model.
        shape: Value per component, given by name or index, in the component's unit.

    Raises:
        ValueError: The file has no such component, or a value is not finite; the message lists the components.
    """
    count = model.shapedirs.shape[-1]
    betas = np.zeros(count)
    for key, value in shape.items():
        index = model.beta_names.index(key) if key in model.beta_names else _index(key)
        if index is None or index >= count or not np.isfinite(value):
            names = f' ({", ".join(model.beta_names)})' if model.beta_names else ''
            raise ValueError(f'{model.path}: shape {key}={value}: a finite value of one of the {count} shape '
                             f'components{names} expected')
        betas[index] = value
    return replace(model, v_template=model.v_template + model.shapedirs @ betas) if shape else model


def _index(key: str | int) -> int | None:
    return int(key) if str(key).isdigit() else None
