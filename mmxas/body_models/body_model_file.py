"""The content of a body model's file: read, checked, and in one form whatever wrote it.

Shapes: V vertices, F faces, J joints, B shape components, P = 9 (J - 1) pose components, K keypoints.
"""
from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from mmxas.safe_files import UnsafeFileError, open_arrays

from .safe_pickle import load_pickle

REQUIRED_KEYS = ('v_template', 'f', 'shapedirs', 'J_regressor', 'weights', 'kintree_table')
REGRESSOR_PREFIX = 'J_regressor_'
# Formats by their number of joints: ``name``, and the component that reads files of it that name no joints.
FORMATS: dict[int, dict[str, str]] = {
    int(count): entry for count, entry in
    json.loads((Path(__file__).parent / 'data/formats.json').read_text(encoding='utf-8')).items()}


@dataclass(frozen=True)
class KeypointRegressor:
    """Keypoints as weighted means of vertices.

    Args:
        weights: (K, V) weights, each row sums to one.
        names: Name of each row; empty where the file names none.
    """

    weights: np.ndarray
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class BodyModelFile:
    """A linear-blend-skinned mesh over a joint tree.

    Args:
        path: Where it was read from.
        v_template: (V, 3) vertices of the mean shape at rest, m.
        faces: (F, 3) vertex indices, int64.
        shapedirs: (V, 3, B) displacement per unit of each shape coefficient, m.
        posedirs: (V, 3, P) displacement per entry of (R - I) of each joint but the root, m, or None where all are zero.
        joint_regressor: (J, V) joints as weighted means of vertices.
        skinning_weights: (V, J) rows that sum to one.
        parents: (J,) parent of each joint, -1 for joint 0.
        keypoint_regressors: Keypoint regressors in the file by name ('h36m').
        vertex_ids: Landmark name to vertex index.
        uv: (T, 2) texture coordinates, or None.
        uv_faces: (F, 3) indices into ``uv``, or None.
        part_labels: (V,) body part of each vertex, a joint's index; None where the file has none.
        joint_names: Names of the joints; empty where the file names none.
        beta_names: What each shape coefficient changes; empty where the file names none.
        axes: (3, 3) rows: the body's left, up and front in the file's axes; None where the file does not say.
        variant: What the file calls itself; empty where it says nothing.
    """

    path: Path
    v_template: np.ndarray
    faces: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray | None
    joint_regressor: np.ndarray
    skinning_weights: np.ndarray
    parents: np.ndarray
    keypoint_regressors: Mapping[str, KeypointRegressor] = field(default_factory=dict)
    vertex_ids: Mapping[str, int] = field(default_factory=dict)
    uv: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    part_labels: np.ndarray | None = None
    joint_names: tuple[str, ...] = ()
    beta_names: tuple[str, ...] = ()
    axes: np.ndarray | None = None
    variant: str = ''

    @property
    def num_vertices(self) -> int:
        """V, the number of vertices."""
        return len(self.v_template)

    @property
    def num_joints(self) -> int:
        """J, the number of joints."""
        return len(self.parents)


def read_body_model(path: str | os.PathLike, num_joints: int | None = None) -> BodyModelFile:
    """Reads a body model in SMPL's format, ``.npz`` or ``.pkl``.

    Args:
        path: The file.
        num_joints: How many joints it must have. Defaults to None, any number.

    Returns:
        BodyModelFile: Its content; sparse matrices are made dense.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The pickle names an object outside the allow-list.
        ValueError: The file is truncated, a key is missing, or an array has the wrong shape or joint count.
    """
    path = Path(path)
    content = {key: _dense(value) for key, value in _read(path).items()}
    missing = [key for key in REQUIRED_KEYS if key not in content]
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} missing, found {sorted(content)}; is this a body model?')
    parents = _parents(path, content['kintree_table'], num_joints)
    model = BodyModelFile(
        path=path,
        v_template=np.asarray(content['v_template'], float),
        faces=np.asarray(content['f'], np.int64),
        shapedirs=np.asarray(content['shapedirs'], float),
        posedirs=_posedirs(content.get('posedirs')),
        joint_regressor=np.asarray(content['J_regressor'], float),
        skinning_weights=np.asarray(content['weights'], float),
        parents=parents,
        keypoint_regressors=_keypoint_regressors(content),
        vertex_ids=_vertex_ids(content),
        uv=_optional(content.get('vt'), np.float32),
        uv_faces=_optional(content.get('ft'), np.int64),
        part_labels=_optional(content.get('part_labels'), np.int64),
        joint_names=_names(content.get('joint_names')),
        beta_names=_names(content.get('beta_names')),
        axes=_optional(content.get('axes'), float),
        variant=str(content.get('variant', '')),
    )
    _check_shapes(model)
    return model


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such body model file')
    if path.suffix != '.npz':
        return load_pickle(path)
    try:
        with open_arrays(path) as archive:
            return {key: archive[key] for key in archive.files if key in REQUIRED_KEYS or not _is_object(archive, key)}
    except UnsafeFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        hint = 'use the .pkl of the model' if 'allow_pickle' in str(error) else 'copy or download it again'
        raise ValueError(f'{path}: cannot be read as .npz ({error}); {hint}') from error


def _is_object(archive: np.lib.npyio.NpzFile, key: str) -> bool:
    with archive.zip.open(f'{key}.npy') as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read_header(file)[2].hasobject


def _dense(value: Any) -> Any:
    return value.toarray() if sparse.issparse(value) else value


def _parents(path: Path, kintree_table: Any, num_joints: int | None) -> np.ndarray:
    parents = np.array(kintree_table).astype(np.int64)[0]
    parents[0] = -1  # files hold 2^32 - 1 there
    if num_joints is not None and len(parents) != num_joints:
        found = FORMATS.get(len(parents), {}).get('name', 'different')
        raise ValueError(f'{path.name}: {num_joints} joints expected, {len(parents)} found — is this a {found} file? '
                         f'({path})')
    wrong = [joint for joint in range(1, len(parents)) if not 0 <= parents[joint] < joint]
    if wrong:
        raise ValueError(f'{path}: the parent of joint {wrong[0]} is {parents[wrong[0]]}; a joint before it expected')
    return parents


def _optional(value: Any, dtype: type) -> np.ndarray | None:
    return None if value is None else np.asarray(value, dtype)


def _names(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(str(name) for name in value)


def _posedirs(posedirs: Any) -> np.ndarray | None:
    if posedirs is None or not np.any(posedirs):
        return None
    return np.asarray(posedirs, float)


def _keypoint_regressors(content: Mapping[str, Any]) -> dict[str, KeypointRegressor]:
    regressors = {}
    for key, weights in content.items():
        # `J_regressor_prior` is part of some official pickles, and regresses no keypoints
        if key.startswith(REGRESSOR_PREFIX) and not key.endswith(('_names', '_prior')):
            names = tuple(str(name) for name in content.get(f'{key}_names', ()))
            regressors[key.removeprefix(REGRESSOR_PREFIX)] = KeypointRegressor(np.asarray(weights, float), names)
    return regressors


def _vertex_ids(content: Mapping[str, Any]) -> dict[str, int]:
    names, indices = content.get('vertex_names', ()), content.get('vertex_index', ())
    return {str(name): int(index) for name, index in zip(names, indices)}


def _check_shapes(model: BodyModelFile) -> None:
    vertices, joints, components = model.num_vertices, model.num_joints, model.shapedirs.shape[-1]
    expected = {
        'v_template': (model.v_template, (vertices, 3)),
        'f': (model.faces, (len(model.faces), 3)),
        'shapedirs': (model.shapedirs, (vertices, 3, components)),
        'posedirs': (model.posedirs, (vertices, 3, 9 * (joints - 1))),
        'J_regressor': (model.joint_regressor, (joints, vertices)),
        'weights': (model.skinning_weights, (vertices, joints)),
        'part_labels': (model.part_labels, (vertices,)),
        'ft': (model.uv_faces, model.faces.shape),
        'axes': (model.axes, (3, 3)),
    }
    for name, regressor in model.keypoint_regressors.items():
        expected[REGRESSOR_PREFIX + name] = (regressor.weights, (len(regressor.weights), vertices))
    for name, (array, shape) in expected.items():
        if array is not None and array.shape != shape:
            raise ValueError(f'{model.path}: {name} of shape {shape} expected, {array.shape} found')
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f'{model.path}: {name} holds values that are not finite')
    if model.axes is not None and not (np.allclose(model.axes @ model.axes.T, np.eye(3), atol=1e-4)
                                       and np.linalg.det(model.axes) > 0):
        raise ValueError(f'{model.path}: axes {model.axes.tolist()} are no rotation; rows for left, up and front '
                         'expected')
    if model.faces.min() < 0 or model.faces.max() >= vertices:
        raise ValueError(f'{model.path}: f indexes vertex {model.faces.max()}, of {vertices} vertices')
