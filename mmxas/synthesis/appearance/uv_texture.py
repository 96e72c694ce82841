"""The "Texture" appearance of the paper (C.1): UV textures from a folder."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.io.image_folders import find_images
from mmxas.io.images import UnreadableImageError, read_image
from mmxas.io.shipped_files import find_shipped
from mmxas.registry import APPEARANCES
from mmxas.synthesis.renderers.shading import interpolate

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'
SUFFIXES = ('.jpg', '.jpeg', '.png')


class TexturedSurface:
    """A surface with a UV texture.

    Args:
        uv: (T, 2) texture coordinates, u right, v up, in [0, 1].
        uv_faces: (F, 3) their indices at the corners of each face.
        texture: (h, w, 3) uint8 RGB.
    """

    def __init__(self, uv: np.ndarray, uv_faces: np.ndarray, texture: np.ndarray) -> None:
        self.uv, self.uv_faces, self.texture = np.asarray(uv, np.float32), uv_faces, texture

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        h, w = self.texture.shape[:2]
        uv = interpolate(self.uv, self.uv_faces[face], bary)
        col = np.clip((uv[:, 0] * w).astype(np.int64), 0, w - 1)
        row = np.clip(((1 - uv[:, 1]) * h).astype(np.int64), 0, h - 1)
        return self.texture[row, col].astype(np.float32) / 255


def read_list(file: str | Path) -> set[str]:
    """Read a list of textures, one path per line, reduced to the last two components (``female/a.jpg``).

    Raises:
        FileNotFoundError: there is no such list.
    """
    path = find_shipped(file)
    if not path.is_file():
        raise FileNotFoundError(f'UVTexture: the list {str(file)!r} does not exist; it comes with the textures')
    lines = path.read_text(encoding='utf-8').splitlines()
    return {'/'.join(Path(line.strip()).parts[-2:]) for line in lines if line.strip()}


@APPEARANCES.register_module()
class UVTexture:
    """Random textures from a folder.

    Args:
        folder: folder of jpg or png files, searched recursively, or the shipped ``'free_human_wardrobe/skins'``.
        max_size: textures are reduced to this side in px, which avoids aliasing in small images.
        by_gender: take textures from the subfolder named after the body's ``gender``; from all for a body without a
            gender, or for a neutral body if there is no such subfolder. Default: False.
        exclude: text files that list textures to leave out, one path per line, compared by their last two components
            (``female/a.jpg``), or by name if there is only one. Default: none.

    Raises:
        FileNotFoundError: the folder or a list does not exist, or the folder holds no picture.
        ValueError: a list excludes none of the textures, or all of them.
    """

    def __init__(self, folder: str, max_size: int = 512, by_gender: bool = False,
                 exclude: str | Sequence[str] = ()) -> None:
        self.folder, self.by_gender = find_shipped(folder), by_gender
        if not self.folder.is_dir():
            self.folder = DATA_DIR / folder
        if not self.folder.is_dir():
            raise FileNotFoundError(f'UVTexture: the folder {folder!r} does not exist')
        found = sorted(find_images(self.folder, suffixes=SUFFIXES))
        self.files = self._without(found, [exclude] if isinstance(exclude, str) else list(exclude))
        self.data_files = tuple(self.files)
        self.max_size = max_size
        self._textures: dict[Path, np.ndarray] = {}
        self._files_of: dict[str, list[Path]] = {}

    def _without(self, files: list[Path], lists: list[str]) -> list[Path]:
        for name in lists:
            listed = read_list(name)
            kept = [path for path in files if not {path.name, '/'.join(path.parts[-2:])} & listed]
            if len(kept) in (0, len(files)):
                raise ValueError(f'UVTexture: the list {name!r} leaves out {"all" if not kept else "none"} of '
                                 f'{len(files)} textures in {str(self.folder)!r}; give the list of these textures, '
                                 'or drop it from `exclude`')
            files = kept
        return files

    def files_of(self, body: Any) -> list[Path]:
        """Return the textures to choose from for a body.

        Raises:
            FileNotFoundError: the subfolder of its gender has no texture.
        """
        gender = getattr(body, 'gender', None)
        own = self.folder / str(gender)
        if not self.by_gender or gender is None or (gender == 'neutral' and not own.is_dir()):
            return self.files
        if gender not in self._files_of:
            self._files_of[gender] = [path for path in self.files if own in path.parents]
        if not self._files_of[gender]:
            raise FileNotFoundError(f'UVTexture: no texture in {str(own)!r}, expected those of a body of this gender; '
                                    'put them there, or leave out by_gender')
        return self._files_of[gender]

    def _texture(self, path: Path) -> np.ndarray:
        if path not in self._textures:
            try:
                image = read_image(path)
            except UnreadableImageError as error:
                raise OSError(f'UVTexture: {path} is not a readable picture ({error}); remove or '
                              'replace it') from error
            scale = self.max_size / max(image.shape[:2])
            if scale < 1:
                image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            self._textures[path] = np.ascontiguousarray(image[..., ::-1])
        return self._textures[path]

    def sample(self, body: Any, rng: np.random.Generator) -> TexturedSurface:
        """Draw a texture for a body.

        Args:
            body: body model with ``uv`` (T, 2) and ``uv_faces`` (F, 3).
            rng: source of randomness.

        Raises:
            FileNotFoundError: there is no texture for the body's gender.
            ValueError: the body model has no texture coordinates.
        """
        if body.uv is None or body.uv_faces is None:
            raise ValueError('UVTexture: the body model has no texture coordinates (arrays `vt`, `ft` of its file); '
                             "name a file of them as its `uv`, such as uv='smpl_uv.obj', or choose another appearance, "
                             "such as dict(type='PartSegmentation')")
        files = self.files_of(body)
        return TexturedSurface(body.uv, body.uv_faces, self._texture(files[rng.integers(len(files))]))
