"""Read and validate body model files, and convert them to one common form.

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

from mmxas.io import UnsafeFileError, open_arrays
from mmxas.io.archives import holds_objects
from mmxas.io.safe_pickle import load_pickle

REQUIRED_KEYS = ('v_template', 'f', 'shapedirs', 'J_regressor', 'weights', 'kintree_table')
REGRESSOR_PREFIX = 'J_regressor_'
SUM_TOLERANCE = 1e-2  # for rows that sum to one; single precision and rounded weights stay well below it
# Formats by number of joints: ``name``, and the component that reads files of this format without joint names.
FORMATS: dict[int, dict[str, str]] = {
    int(count): entry for count, entry in
    json.loads((Path(__file__).parent / 'data/formats.json').read_text(encoding='utf-8')).items()}


@dataclass(frozen=True)
class KeypointRegressor:
    """Keypoints as weighted means of vertices.

    Args:
        weights: (K, V) weights, each row sums to one.
        names: Name of each row; empty if the file has no names.
    """

    weights: np.ndarray
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class BodyModelFile:
    """A linear-blend-skinned mesh over a joint tree.

    Args:
        path: File that the model was read from.
        v_template: (V, 3) vertices of the mean shape at rest, m.
        faces: (F, 3) vertex indices, int64.
        shapedirs: (V, 3, B) displacement per unit of each shape coefficient, m.
        posedirs: (V, 3, P) displacement per entry of (R - I) of each joint except the root, m; None if all are zero.
        joint_regressor: (J, V) joints as weighted means of vertices.
        skinning_weights: (V, J) rows that sum to one.
        parents: (J,) parent of each joint, -1 for joint 0.
        keypoint_regressors: Keypoint regressors of the file by name ('h36m').
        vertex_ids: Landmark name to vertex index.
        uv: (T, 2) texture coordinates, or None.
        uv_faces: (F, 3) indices into ``uv``, or None.
        part_labels: (V,) body part of each vertex, as a joint index; None if the file has none.
        joint_names: Names of the joints; empty if the file has no names.
        beta_names: What each shape coefficient changes; empty if the file has no names.
        axes: (3, 3) rows: the body's left, up and front in the file's axes; None if the file does not define them.
        variant: Variant name stored in the file; empty if there is none.
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
        """Number of vertices, V."""
        return len(self.v_template)

    @property
    def num_joints(self) -> int:
        """Number of joints, J."""
        return len(self.parents)


def read_body_model(path: str | os.PathLike, num_joints: int | None = None) -> BodyModelFile:
    """Read a body model in SMPL's format, ``.npz`` or ``.pkl``.

    Args:
        path: The file.
        num_joints: Required number of joints. Defaults to None, any number.

    Returns:
        Content of the file, with sparse matrices made dense.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The pickle names an object outside the allow-list.
        ValueError: The file is truncated, a key is missing, an array has the wrong shape or joint count, or a value is
            invalid: an index out of range, a duplicate name, weights that do not sum to one.
    """
    path = Path(path)
    content = {key: _dense(value) for key, value in read_content(path).items() if value is not None}
    missing = [key for key in REQUIRED_KEYS if key not in content]
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} missing, found {sorted(content)}; is this a body model?')
    parents = _parents(path, content, num_joints)
    model = BodyModelFile(
        path=path,
        v_template=_numbers(path, content, 'v_template', 2),
        faces=_indices(path, content, 'f', 2),
        shapedirs=_numbers(path, content, 'shapedirs', 3),
        posedirs=_posedirs(path, content),
        joint_regressor=_numbers(path, content, 'J_regressor', 2),
        skinning_weights=_numbers(path, content, 'weights', 2),
        parents=parents,
        keypoint_regressors=_keypoint_regressors(path, content),
        vertex_ids=_vertex_ids(path, content),
        uv=_numbers(path, content, 'vt', 2).astype(np.float32) if 'vt' in content else None,
        uv_faces=_indices(path, content, 'ft', 2) if 'ft' in content else None,
        part_labels=_indices(path, content, 'part_labels', 1) if 'part_labels' in content else None,
        joint_names=_unique_names(path, content, 'joint_names'),
        beta_names=_names(path, content, 'beta_names'),
        axes=_numbers(path, content, 'axes', 2) if 'axes' in content else None,
        variant=str(content.get('variant', '')),
    )
    _check_shapes(model)
    _check_axes(model)
    _check_indices(model)
    _check_weights(model)
    return model


def read_content(path: Path) -> dict[str, Any]:
    """Return the content of an ``.npz`` or ``.pkl`` by name, without executing any of it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read.
    """
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
        return holds_objects(file)


def _dense(value: Any) -> Any:
    return value.toarray() if sparse.issparse(value) else value


def _array(path: Path, content: Mapping[str, Any], key: str, dims: int, kinds: str, what: str) -> np.ndarray:
    """Return an array of the file after checking its number of dimensions and dtype."""
    try:
        array = np.asarray(content[key])
        array = array.astype(float) if array.dtype == object else array
    except (TypeError, ValueError) as error:
        raise ValueError(f'{path}: {key} of {what} expected ({error})') from None
    if array.dtype.kind not in kinds:
        raise ValueError(f'{path}: {key} of {what} expected, {array.dtype} found')
    if array.ndim != dims:
        raise ValueError(f'{path}: {key} with {dims} dimensions expected, one of shape {array.shape} found')
    return array


def _numbers(path: Path, content: Mapping[str, Any], key: str, dims: int) -> np.ndarray:
    return _array(path, content, key, dims, 'biuf', 'real numbers').astype(float, copy=False)


def _indices(path: Path, content: Mapping[str, Any], key: str, dims: int) -> np.ndarray:
    array = _array(path, content, key, dims, 'biuf', 'whole numbers')
    if array.dtype.kind == 'f' and not (np.isfinite(array) & (array == np.round(array))).all():
        raise ValueError(f'{path}: {key} of whole numbers expected, values such as '
                         f'{array[~(array == np.round(array)) | ~np.isfinite(array)][0]} found')
    return array.astype(np.int64)


def _names(path: Path, content: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a tuple of names, empty if the file has no such array."""
    values = content.get(key, ())
    if isinstance(values, str) or np.ndim(values) != 1:
        raise ValueError(f'{path}: {key} as a list of names expected, {np.asarray(values).tolist()!r} found')
    return tuple(str(name) for name in values)


def _unique_names(path: Path, content: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = _names(path, content, key)
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise ValueError(f'{path}: {key} holds {twice[0]!r} twice; give each a name of its own')
    return names


def _parents(path: Path, content: Mapping[str, Any], num_joints: int | None) -> np.ndarray:
    table = _indices(path, content, 'kintree_table', 2)
    if not table.size:
        raise ValueError(f'{path}: kintree_table of shape (2, joints) expected, {table.shape} found: no joints')
    parents = table[0].copy()
    parents[0] = -1  # files hold 2^32 - 1 there
    if num_joints is not None and len(parents) != num_joints:
        found = FORMATS.get(len(parents), {}).get('name', 'different')
        raise ValueError(f'{path.name}: {num_joints} joints expected, {len(parents)} found — is this a {found} file? '
                         f'({path})')
    wrong = [joint for joint in range(1, len(parents)) if not 0 <= parents[joint] < joint]
    if wrong:
        raise ValueError(f'{path}: the parent of joint {wrong[0]} is {parents[wrong[0]]}; expected a joint before it')
    return parents


def _posedirs(path: Path, content: Mapping[str, Any]) -> np.ndarray | None:
    if 'posedirs' not in content or not np.size(content['posedirs']):
        return None
    posedirs = _numbers(path, content, 'posedirs', 3)
    return posedirs if posedirs.any() else None


def _keypoint_regressors(path: Path, content: Mapping[str, Any]) -> dict[str, KeypointRegressor]:
    # some official pickles have a `J_regressor_prior`, which is not a keypoint regressor
    keys = [key for key in content if key.startswith(REGRESSOR_PREFIX) and not key.endswith(('_names', '_prior'))]
    return {key.removeprefix(REGRESSOR_PREFIX):
            KeypointRegressor(_numbers(path, content, key, 2), _names(path, content, f'{key}_names')) for key in keys}


def _vertex_ids(path: Path, content: Mapping[str, Any]) -> dict[str, int]:
    names = _unique_names(path, content, 'vertex_names')
    indices = _indices(path, content, 'vertex_index', 1) if 'vertex_index' in content else np.zeros(0, np.int64)
    if len(names) != len(indices):
        raise ValueError(f'{path}: {len(names)} vertex_names, but {len(indices)} values of vertex_index; one for each '
                         'expected')
    return dict(zip(names, indices.tolist(), strict=True))


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
        'vt': (model.uv, (0 if model.uv is None else len(model.uv), 2)),
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


def _check_axes(model: BodyModelFile) -> None:
    if model.axes is not None and not (np.allclose(model.axes @ model.axes.T, np.eye(3), atol=1e-4)
                                       and np.linalg.det(model.axes) > 0):
        raise ValueError(f'{model.path}: axes {model.axes.tolist()} are not a rotation; rows for left, up and front '
                         'expected')


def _check_indices(model: BodyModelFile) -> None:
    """Raise if faces, landmarks or texture faces hold an index out of range."""
    landmarks = np.array(list(model.vertex_ids.values()), np.int64)
    if not model.faces.size:
        raise ValueError(f'{model.path}: f has no faces; a mesh of triangles expected')
    for name, indices in (('f', model.faces), ('vertex_index', landmarks)):
        wrong = indices[(indices < 0) | (indices >= model.num_vertices)]
        if wrong.size:
            raise ValueError(f'{model.path}: {name} indexes vertex {wrong[0]}, of {model.num_vertices} vertices')
    if model.uv is not None and model.uv_faces is not None:
        check_texture_indices(model, model.path)


def check_texture_indices(model: BodyModelFile, path: Path) -> None:
    """Raise if a texture face has an index beyond the texture points.

    Raises:
        ValueError: An index is out of range; the message names it and ``path``, the file that it was read from.
    """
    wrong = model.uv_faces[(model.uv_faces < 0) | (model.uv_faces >= len(model.uv))]
    if wrong.size:
        raise ValueError(f'{path}: ft indexes point {wrong[0]}, of {len(model.uv)} points of vt')


def _check_weights(model: BodyModelFile) -> None:
    """Raise if regressor or skinning rows do not sum to one, or a skinning weight is negative."""
    if model.skinning_weights.min() < -SUM_TOLERANCE:
        row, joint = np.argwhere(model.skinning_weights < -SUM_TOLERANCE)[0]
        raise ValueError(f'{model.path}: weights of vertex {row} are {model.skinning_weights[row, joint]:g} for joint '
                         f'{joint}; they must not be negative')
    for name, item, rows in (('weights', 'vertex', model.skinning_weights),
                             ('J_regressor', 'joint', model.joint_regressor)):
        sums = rows.sum(1)
        row = int(np.abs(sums - 1).argmax())
        if not abs(sums[row] - 1) <= SUM_TOLERANCE:
            raise ValueError(f'{model.path}: {name} of {item} {row} sum to {sums[row]:.4g}, 1 expected; divide each '
                             'row by its sum')
