"""The "Texture" appearance of the paper (C.1): UV textures from a folder."""
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.safe_files.images import UnreadableImageError, read_image
from mmxas.shipped_files import find_shipped
from mmxas.synthesis.renderers.shading import interpolate

SUFFIXES = ('.jpg', '.jpeg', '.png')


class TexturedSurface:
    """A surface that looks up a picture.

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


@APPEARANCES.register_module()
class UVTexture:
    """A random texture of a folder.

    Args:
        folder: folder of jpg or png files, searched recursively.
        max_size: textures are reduced to this side in px, which serves as a filter for small images.

    Raises:
        FileNotFoundError: if the folder does not exist or holds no picture.
    """

    def __init__(self, folder: str, max_size: int = 512) -> None:
        if not find_shipped(folder).is_dir():
            raise FileNotFoundError(f'UVTexture: the folder {folder!r} does not exist')
        self.files = sorted(path for path in find_shipped(folder).rglob('*') if path.suffix.lower() in SUFFIXES)
        if not self.files:
            raise FileNotFoundError(f'UVTexture: the folder {folder!r} holds no {"/".join(SUFFIXES)} file')
        self.data_files = tuple(self.files)
        self.max_size = max_size
        self._textures: dict[Path, np.ndarray] = {}

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
            ValueError: if the body model has no texture coordinates.
        """
        if body.uv is None or body.uv_faces is None:
            raise ValueError('UVTexture: the body model has no texture coordinates (arrays `vt`, `ft` of its file); '
                             "choose another appearance, such as dict(type='PartSegmentation')")
        return TexturedSurface(body.uv, body.uv_faces, self._texture(self.files[rng.integers(len(self.files))]))
