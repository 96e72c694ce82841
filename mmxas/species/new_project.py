"""Write the project folder of a new species, atomically."""
from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from mmxas.body_models.body_model_file import FORMATS, read_body_model
from mmxas.body_models.keypoint_definitions import read_keypoint_definitions
from mmxas.body_models.rigged_body_model import RiggedBodyModel
from mmxas.io.regular_files import to_json
from mmxas.io.shipped_files import find_shipped, shipped_root
from mmxas.ops.symmetry import centre_triples
from mmxas.registry import BODY_MODELS
from mmxas.structures import Skeleton, load_skeleton

from .default_prior import adopted_prior, default_prior
from .derived_skeleton import body_size, derive_skeleton, size_warning

TEMPLATES = Path(__file__).parent / 'templates'
NAME = re.compile(r'[a-z][a-z0-9_]*')
CAMERA_DISTANCES = (3.0, 6.0)  # multiples of the body's size, and at least so many m


@dataclass(frozen=True)
class NewProject:
    """A written project.

    Args:
        folder: The project.
        config: Its config for rendered pairs.
        num_keypoints: K.
        num_joints: J.
        derived: Parts that were derived instead of given: 'skeleton', 'prior'.
        size: Size of the body, m.
        warning: Warning about an implausible size; empty if there is none.
    """

    folder: Path
    config: Path
    num_keypoints: int
    num_joints: int
    derived: tuple[str, ...]
    size: float
    warning: str = ''


def write_project(name: str, body_model: str | os.PathLike, out: str | os.PathLike | None = None,
                  skeleton: str | os.PathLike | None = None, keypoints: str | os.PathLike | None = None,
                  prior: str | os.PathLike | None = None, shape: Mapping[str, float] | None = None) -> NewProject:
    """Write a project ready for training: skeleton, keypoints, prior, configs and a README to fill in.

    Args:
        name: Name of the species in files: lower-case letters, digits and underscores.
        body_model: The body model's file (``docs/body_models.md``); it is referenced, not copied.
        out: The folder. Defaults to None: ``name``, in the working directory.
        skeleton: A skeleton. Defaults to None: derived from joints and landmarks (:func:`derive_skeleton`).
        keypoints: Definitions of the skeleton's keypoints on the body. Defaults to None: joints and landmarks by name.
        prior: A pose prior of a body with the same joints, to start from. Defaults to None: the same limits for all
            axes (:func:`default_prior`).
        shape: Values of shape components that define the mean shape, by name. Defaults to None: the file's.

    Returns:
        NewProject: The written project.

    Raises:
        FileNotFoundError: A file does not exist.
        FileExistsError: The folder exists.
        ValueError: The name, body model, skeleton, keypoints, prior or shape is unsuitable.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f'{name!r}: a name of lower-case letters, digits and underscores expected')
    folder = Path(name if out is None else out)
    if folder.exists():
        raise FileExistsError(f'{folder} exists and is left as it is; choose another --out or name, or remove it')
    spec = body_spec(body_model, shape)
    definitions, chosen, body = _keypoints(spec, name, skeleton, keypoints)
    if not centre_triples(chosen.parents, chosen.flip_pairs):
        raise ValueError(f'skeleton {chosen.name!r}: no flip pair has an unpaired keypoint as parent, as hips have a '
                         'root; the facing direction is computed from one')
    limits = default_prior(body) if prior is None else adopted_prior(prior, body)
    files = {
        'data/skeleton.json': to_json(chosen.to_dict()),
        'data/keypoints.json': to_json({'keypoints': definitions}),
        'data/pose_prior.json': to_json(limits)}
    words = _words(name, spec, body, chosen, skeleton, prior)
    for template, file in (('config', f'configs/xas_{name}.py'), ('config_photos', f'configs/xas_{name}_photos.py'),
                           ('readme', 'README.md')):
        files[file] = Template((TEMPLATES / f'{template}.txt').read_text(encoding='utf-8')).substitute(words)
    write_folder(folder, files)
    derived = tuple(what for what, given in (('skeleton', skeleton), ('prior', prior)) if given is None)
    return NewProject(folder, folder / 'configs' / f'xas_{name}.py', chosen.num_keypoints, body.num_joints, derived,
                      body_size(body), size_warning(body))


def body_spec(body_model: str | os.PathLike, shape: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Config of a body model's file, without keypoints.

    Args:
        body_model: The file.
        shape: Values of shape components by name. Defaults to None.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is broken, or has no joint names and no known format without them.
    """
    path = find_shipped(body_model)
    model = read_body_model(path)
    known = FORMATS.get(model.num_joints, {}).get('type_without_joint_names')
    if not model.joint_names and known is None:
        raise ValueError(f'{path}: the file has no joint_names; write the names of its {model.num_joints} joints into '
                         'it (an array of that name)')
    beside = shipped_root() / body_model
    shipped = not Path(body_model).is_absolute() and beside.is_file() and beside.samefile(path)
    spec = dict(type='RiggedBodyModel' if model.joint_names else known,
                model_path=Path(body_model).as_posix() if shipped else path.resolve().as_posix())
    return {**spec, 'shape': dict(shape)} if shape else spec


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into a new folder, atomically.

    Args:
        folder: The folder, which must not exist; parent folders are created.
        files: Contents by path inside the folder.

    Raises:
        OSError: The folder cannot be written, or was created meanwhile.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f'.{folder.name}.', suffix='.tmp'))
    try:
        for name, content in files.items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_text(content, encoding='utf-8')
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _keypoints(spec: Mapping[str, Any], name: str, skeleton: Any,
               keypoints: Any) -> tuple[dict[str, Any], Skeleton, RiggedBodyModel]:
    """Return the keypoints' definitions in the skeleton's order, the skeleton, and the body with these keypoints."""
    if skeleton is None:
        if keypoints is not None:
            raise ValueError(f'{keypoints}: keypoint definitions need a skeleton that links them')
        body = BODY_MODELS.build(spec)
        chosen = derive_skeleton(body, name)
        return {keypoint: keypoint for keypoint in chosen.keypoints}, chosen, body
    chosen = load_skeleton(skeleton)
    definitions: dict[str, Any] = {keypoint: keypoint for keypoint in chosen.keypoints}
    if keypoints is not None:
        given = read_keypoint_definitions(keypoints)
        missing = [keypoint for keypoint in chosen.keypoints if keypoint not in given]
        if missing:
            raise ValueError(f'{keypoints}: the keypoints {", ".join(missing)} of the skeleton {chosen.name!r} are not '
                             'defined')
        definitions = {keypoint: given[keypoint] for keypoint in chosen.keypoints}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / 'keypoints.json'
        file.write_text(to_json({'keypoints': definitions}), encoding='utf-8')
        return definitions, chosen, BODY_MODELS.build(dict(spec, keypoints=str(file)))


def _words(name: str, spec: Mapping[str, Any], body: RiggedBodyModel, chosen: Skeleton, skeleton: Any,
           prior: Any) -> dict[str, Any]:
    """Return the values of the templates' placeholders."""
    size = max(1.0, body_size(body))
    arguments = [f'{key}={value!r}' for key, value in spec.items()] + ["keypoints=f'{project}/data/keypoints.json'"]
    shape = spec.get('shape', {})
    return dict(
        name=name, title=name.replace('_', ' ').capitalize(), body=',\n    '.join(arguments),
        model_path=spec['model_path'], joints=body.num_joints, vertices=body.num_vertices, betas=body.num_betas,
        shape=', '.join(f'{key} {value:+g}' for key, value in shape.items()) or 'that of the file',
        num_keypoints=chosen.num_keypoints, num_pairs=len(chosen.flip_pairs),
        near=round(10 * CAMERA_DISTANCES[0] * size) * 100, far=round(10 * CAMERA_DISTANCES[1] * size) * 100,
        skeleton_from='derived from the body\'s joints and landmarks' if skeleton is None else f'from `{skeleton}`',
        prior_from='even limits for every axis of every joint, *to be narrowed*' if prior is None
        else f'begun from `{prior}`, *to be narrowed*')
