"""Families of body models as data: joints, file names and locations, keypoints.

Each family is one JSON file beside this module (``data/smpl.json``); the code does not depend on any single family.
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
    """Raised if a body model's file is not found in any of the searched places."""


@dataclass(frozen=True)
class KeypointSet:
    """Ordered keypoints; each is a row of a regressor or the mean of several rows.

    Args:
        regressor: Name of the regressor ('h36m').
        keypoints: Names of the K keypoints.
        means: Rows to average for a keypoint. Keypoints without an entry are rows themselves.
    """

    regressor: str
    keypoints: tuple[str, ...]
    means: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ModelFamily:
    """Properties shared by all files of one body model.

    Args:
        name: Name used in messages.
        joint_names: Names of the joints, in the files' order.
        genders: Genders for which files exist.
        free_files: File shipped with the package per gender, beside this module or below the checkout.
        file_names: Official file names per gender; the first one found is used.
        environment_variable: Environment variable with a folder to search.
        folders: Folders to search, relative to the working directory.
        where_to_get: How to obtain the files, for error messages.
        regressor_files: Names of external regressor files per regressor.
        regressor_rows: Row names of those files per regressor.
        keypoint_sets: Keypoint sets by name.
        official_num_vertices: Number of vertices of the official mesh; the official landmarks are valid for it only.
        official_vertex_ids: The family's key in smplx's table of landmark vertices.
        uv_files: Names of files with the official mesh's texture coordinates; the first one found is used. Defaults
            to none.
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
        """Read a family from its JSON file."""
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        for key in ('joint_names', 'genders', 'folders', 'uv_files'):
            content[key] = tuple(content.get(key, ()))
        content['keypoint_sets'] = {
            name: KeypointSet(spec['regressor'], tuple(spec['keypoints']), spec['means'])
            for name, spec in content['keypoint_sets'].items()
        }
        return cls(**content)

    def find(self, model_path: str | os.PathLike = FREE, gender: str = 'neutral') -> Path:
        """Find the file of a model.

        Args:
            model_path: ``'free'`` for the shipped model; a file; a folder with official files; or ``'official'`` to
                search ``$environment_variable`` and the usual folders. Defaults to ``'free'``.
            gender: One of ``genders``. Has no effect if ``model_path`` is a file. Defaults to ``'neutral'``.

        Returns:
            The file.

        Raises:
            ValueError: The gender is unknown.
            BodyModelNotFoundError: No file was found; the message lists all searched places and how to get the file.
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
        """Return the external regressor file beside the model's file or in the usual folders, or None."""
        return self._find_beside(self.regressor_files.get(name, ()), beside)

    def find_uv(self, beside: Path) -> Path | None:
        """Return the file of texture coordinates beside the model's file or in the usual folders, or None."""
        return self._find_beside(self.uv_files, beside)

    def _find_beside(self, names: Sequence[str], beside: Path) -> Path | None:
        candidates = (folder / name for folder in [beside.parent, *self._usual_folders()] for name in names)
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def with_uv(self, model: BodyModelFile, uv: str | os.PathLike | None) -> tuple[BodyModelFile, tuple[Path, ...]]:
        """Add texture coordinates to a model: those of a given file, else of a found one if the model has none.

        Args:
            model: The body model.
            uv: File of texture coordinates (:func:`with_texture_coordinates`). None: for the official mesh, the first
                of ``uv_files`` beside the model's file or in the usual folders.

        Returns:
            The model, unchanged if there is no file, and the file that was read, if any.
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
