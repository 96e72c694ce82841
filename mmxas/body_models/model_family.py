"""A family of body models as data: its joints, its file names and where they lie, its keypoints.

A family is one json file beside this module (``data/smpl.json``); code knows none by name.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmxas.io.shipped_files import find_shipped

from .body_model_file import BodyModelFile
from .texture_coordinates import with_texture_coordinates

SHIPPED_DIR = Path(__file__).parent / 'data'
FREE = 'free'


class BodyModelNotFoundError(FileNotFoundError):
    """No file of a body model in any of the places where it was looked for."""


@dataclass(frozen=True)
class KeypointSet:
    """Keypoints in order, each a row of a regressor or the mean of some of its rows.

    Args:
        regressor: Name of the regressor ('h36m').
        keypoints: Names of the K keypoints.
        means: Keypoint to the rows that it is the mean of; the others are rows themselves.
    """

    regressor: str
    keypoints: tuple[str, ...]
    means: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ModelFamily:
    """What all files of one body model have in common.

    Args:
        name: Name in messages.
        joint_names: Names of the joints, in the files' order.
        genders: Genders that there are files for.
        free_files: Gender to the file that ships with the package, beside this module or below the checkout.
        file_names: Gender to official file names, the first found is taken.
        environment_variable: Names a folder to look in.
        folders: Folders to look in, relative to the working directory.
        where_to_get: What a reader without the files does.
        regressor_files: Regressor name to names of external regressor files.
        regressor_rows: Regressor name to the row names of those files.
        keypoint_sets: Name to keypoints.
        official_num_vertices: Vertices of the official mesh, which the official landmarks belong to.
        official_vertex_ids: The family's key in smplx's table of landmark vertices.
        uv_files: Names of files with the official mesh's texture coordinates, the first found is taken. Defaults to
            none.
    """

    name: str
    joint_names: tuple[str, ...]
    genders: tuple[str, ...]
    free_files: Mapping[str, str]
    file_names: Mapping[str, Sequence[str]]
    environment_variable: str
    folders: tuple[str, ...]
    where_to_get: str
    regressor_files: Mapping[str, Sequence[str]]
    regressor_rows: Mapping[str, Sequence[str]]
    keypoint_sets: Mapping[str, KeypointSet]
    official_num_vertices: int
    official_vertex_ids: str
    uv_files: tuple[str, ...] = ()

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> ModelFamily:
        """Reads a family from its json file."""
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        for key in ('joint_names', 'genders', 'folders', 'uv_files'):
            content[key] = tuple(content.get(key, ()))
        content['keypoint_sets'] = {
            name: KeypointSet(spec['regressor'], tuple(spec['keypoints']), spec['means'])
            for name, spec in content['keypoint_sets'].items()
        }
        return cls(**content)

    def find(self, model_path: str | os.PathLike = FREE, gender: str = 'neutral') -> Path:
        """Finds a model's file.

        Args:
            model_path: ``'free'`` for the shipped model; a file; a folder with official files; or ``'official'`` to
                look in ``$environment_variable`` and the usual folders. Defaults to ``'free'``.
            gender: One of ``genders``; a file given by path is taken whatever the gender. Defaults to ``'neutral'``.

        Returns:
            Path: The file.

        Raises:
            ValueError: The gender is unknown.
            BodyModelNotFoundError: There is none; the message lists every place, and where to get it.
        """
        if gender not in self.genders:
            raise ValueError(f'{self.name}: gender {gender!r} unknown, one of {", ".join(self.genders)} expected')
        if model_path == FREE:
            name = self.free_files[gender]
            return SHIPPED_DIR / name if (SHIPPED_DIR / name).is_file() else find_shipped(name)
        if model_path != 'official' and find_shipped(model_path).is_file():
            return find_shipped(model_path)
        candidates = list(self._candidates(model_path, gender))
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise BodyModelNotFoundError(self._not_found(model_path, gender, candidates))

    def find_regressor(self, name: str, beside: Path) -> Path | None:
        """An external regressor file beside a model's file or in the usual folders, or None."""
        return self._find_beside(self.regressor_files.get(name, ()), beside)

    def find_uv(self, beside: Path) -> Path | None:
        """The file of texture coordinates beside a model's file or in the usual folders, or None."""
        return self._find_beside(self.uv_files, beside)

    def _find_beside(self, names: Sequence[str], beside: Path) -> Path | None:
        candidates = (folder / name for folder in [beside.parent, *self._usual_folders()] for name in names)
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def with_uv(self, model: BodyModelFile, uv: str | os.PathLike | None) -> tuple[BodyModelFile, tuple[Path, ...]]:
        """Add texture coordinates to a model that has none, or those of a file that is asked for.

        Args:
            model: The body.
            uv: A file of them (:func:`with_texture_coordinates`), or None: for the official mesh the first of
                ``uv_files`` beside the model's file or in the usual folders.

        Returns:
            The model, as it was where there is no file, and the file that was read, if any.
        """
        is_bare = model.uv is None and model.num_vertices == self.official_num_vertices
        path = self.find_uv(model.path) if uv is None and is_bare else uv
        if path is None:
            return model, ()
        return with_texture_coordinates(model, path), (find_shipped(path), )

    def _usual_folders(self) -> Iterator[Path]:
        if os.environ.get(self.environment_variable):
            yield Path(os.environ[self.environment_variable])
        yield from map(Path, self.folders)

    def _candidates(self, model_path: str | os.PathLike, gender: str) -> Iterator[Path]:
        if model_path == 'official':
            folders = list(self._usual_folders())
        elif Path(model_path).suffix in ('.npz', '.pkl'):
            yield Path(model_path)
            return
        else:
            folders = [Path(model_path), Path(model_path) / self.name.lower()]
        for folder in folders:
            yield from (folder / file for file in self.file_names[gender])

    def _not_found(self, model_path: str | os.PathLike, gender: str, candidates: Sequence[Path]) -> str:
        folders = list(dict.fromkeys(str(candidate.parent) for candidate in candidates))
        names = list(dict.fromkeys(candidate.name for candidate in candidates))
        return (f'{self.name}, {gender}: no model file for model_path={str(model_path)!r}. Looked for '
                f'{", ".join(names)} in {", ".join(folders)}. The official files are gated: {self.where_to_get}, and '
                f'set {self.environment_variable} or model_path to their folder; or use the free model, '
                f'model_path={FREE!r}.')
