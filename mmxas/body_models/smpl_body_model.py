"""SMPL body model: official files or the free model of the same format.

Shapes: N batch, V vertices, J = 24 joints, B shape components, K keypoints.
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from mmxas.registry import BODY_MODELS

from .body_model_file import BodyModelFile, KeypointRegressor, read_body_model
from .keypoints import KeypointLayer, check_sides, keypoint_matrix, read_regressor
from .model_family import SHIPPED_DIR, ModelFamily
from .skinned_model import SkinnedBodyModel


@BODY_MODELS.register_module()
class SMPLBodyModel(SkinnedBodyModel):
    """SMPL body model on smplx's skinning functions (paper, section 3.3.2).

    Axes: x to the body's left, y up, z to its front; metres. Keypoints come from a regressor with named rows.

    Args:
        model_path: ``'free'`` (the model that ships with the package), a file, a folder with official files, or
            ``'official'`` to search ``$SMPL_MODEL_DIR`` and the usual folders. Defaults to ``'free'``.
        gender: ``'neutral'``, ``'male'`` or ``'female'``. Defaults to ``'neutral'``.
        num_betas: Number of shape coefficients to use. Defaults to 10.
        keypoint_regressor: Name of a regressor in the model's file or of a community file beside it (``'h36m'``, file
            ``J_regressor_h36m.npy``), or the path of a ``.npy`` file. Defaults to ``'h36m'``.
        keypoint_set: Which keypoints :meth:`keypoints` returns. Defaults to ``'h36m18'``: the regressor's 17 rows in
            Human3.6M's order and the thorax, the mean of the shoulders.
        regressor_rows: Row names of an external regressor file. Defaults to None, the community order, in which the
            right arm precedes the left.
        uv: File of texture coordinates (:func:`with_texture_coordinates`); official model files contain none. Defaults
            to None: those in the model's file; for the official mesh, ``smpl_uv.obj`` beside it or in the usual
            folders.

    Raises:
        BodyModelNotFoundError: There is no model file; the message lists all searched places.
        ValueError: The file is broken or belongs to another body model, or the regressor's name is unknown.

    Attributes:
        data_files: Further files that were read besides the one at ``model_path``.
    """

    FAMILY = ModelFamily.from_file(SHIPPED_DIR / 'smpl.json')

    def __init__(self, model_path: str | os.PathLike = 'free', gender: str = 'neutral', num_betas: int = 10,
                 keypoint_regressor: str | os.PathLike = 'h36m', keypoint_set: str = 'h36m18',
                 regressor_rows: Sequence[str] | None = None, uv: str | os.PathLike | None = None) -> None:
        family = self.FAMILY
        if keypoint_set not in family.keypoint_sets:
            raise ValueError(f'{family.name}: keypoint_set {keypoint_set!r} unknown, '
                             f'one of {", ".join(family.keypoint_sets)} expected')
        model = read_body_model(family.find(model_path, gender), num_joints=len(family.joint_names))
        model, self.data_files = family.with_uv(model, uv)
        super().__init__(model, num_betas, family.joint_names, self._official_vertex_ids(model))
        self.gender = gender
        self.model_path = model.path
        self._keypoint_set = family.keypoint_sets[keypoint_set]
        self.keypoint_names = self._keypoint_set.keypoints
        self._build_keypoint_layer(model, keypoint_regressor, regressor_rows)

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints that :meth:`keypoints` returns, K."""
        return len(self.keypoint_names)

    def keypoints(self, vertices: Tensor) -> Tensor:
        """Return the keypoints of posed vertices.

        Args:
            vertices: (N, V, 3) in any frame and unit.

        Returns:
            (N, K, 3) in the same frame and unit, in the order of ``keypoint_names``.

        Raises:
            FileNotFoundError: The model's file has no regressor and none was found beside it.
        """
        if self.keypoint_layer is None:
            raise FileNotFoundError(
                f'{self.model_path}: no keypoint regressor {self._keypoint_set.regressor!r} in the file, and none of '
                f'{", ".join(self.FAMILY.regressor_files.get(self._keypoint_set.regressor, ()))} beside it or in the '
                'usual folders; put it there or pass keypoint_regressor=<path>')
        return self.keypoint_layer(vertices)

    def _build_keypoint_layer(self, model: BodyModelFile, name: str | os.PathLike, rows: Sequence[str] | None) -> None:
        self.keypoint_layer = None
        regressor, source = self._find_regressor(model, name, rows)
        if regressor is not None:
            weights = keypoint_matrix(regressor, self._keypoint_set)
            check_sides(weights @ model.v_template, self.keypoint_names, source)
            self.data_files += () if source == model.path else (source, )
            self.keypoint_layer = KeypointLayer(weights)

    def _find_regressor(self, model: BodyModelFile, name: str | os.PathLike,
                        rows: Sequence[str] | None) -> tuple[KeypointRegressor | None, Path]:
        if str(name) in model.keypoint_regressors:
            return model.keypoint_regressors[str(name)], model.path
        path = Path(name) if Path(name).suffix else self.FAMILY.find_regressor(str(name), model.path)
        if path is None:
            known = sorted({*model.keypoint_regressors, *self.FAMILY.regressor_files})
            if str(name) not in known:
                raise ValueError(f'{model.path}: keypoint_regressor {str(name)!r} unknown, one of {", ".join(known)} '
                                 'or the path of a .npy file expected')
            return None, model.path
        rows = rows or self.FAMILY.regressor_rows[self._keypoint_set.regressor]
        return read_regressor(path, model.num_vertices, rows), path

    def _official_vertex_ids(self, model: BodyModelFile) -> dict[str, int]:
        if model.num_vertices != self.FAMILY.official_num_vertices:
            return {}
        try:
            from smplx.vertex_ids import vertex_ids
        except ImportError as error:
            raise ImportError(f'{model.path}: the landmarks of an official model are in the package smplx '
                              '(non-commercial licence): pip install smplx==0.1.28') from error
        return dict(vertex_ids[self.FAMILY.official_vertex_ids])


