"""Pictures from folders: shipped ones by name, or your own."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmxas.io.image_folders import find_images
from mmxas.io.images import UnreadableImageError, read_image

DATA_DIR = Path(__file__).resolve().parent / 'data'
SUFFIXES = ('.jpg', '.jpeg', '.png')
# Folders of ``data``, each with a NOTICE: eight photos; 18 panoramas of rooms, streets and landscapes.
SHIPPED = ('backgrounds', 'environments')


def find_pictures(folders: str | Sequence[str]) -> list[Path]:
    """Return the pictures of one or several folders, sorted within each folder.

    Args:
        folders: each a name in ``SHIPPED`` or the path of a folder, which is searched recursively. Write
            ``'./backgrounds'`` for your own folder with the name of a shipped one.

    Raises:
        FileNotFoundError: a folder does not exist or has no picture.
        ValueError: no folder is given, or one is given twice.
    """
    names = [folders] if isinstance(folders, str | Path) else list(folders)
    if not names or len(set(map(str, names))) < len(names):
        raise ValueError(f'pictures: folders={names}, at least one folder and no duplicates expected')
    return [path for name in names for path in _pictures_of(name)]


def _pictures_of(name: str) -> list[Path]:
    folder = DATA_DIR / name if str(name) in SHIPPED else Path(name)
    if not folder.is_dir():
        raise FileNotFoundError(f'pictures: the folder {str(name)!r} does not exist; names of shipped ones are '
                                f'{list(SHIPPED)}')
    return sorted(find_images(folder, suffixes=SUFFIXES))  # rendered sets depend on the order


class PictureStore:
    """Pictures decoded on access, with a cache of the most recent ones.

    Args:
        folders: see :func:`find_pictures`.
        keep: number of decoded pictures in the cache. Defaults to 64.

    Attributes:
        files: their paths.
    """

    def __init__(self, folders: str | Sequence[str], keep: int = 64) -> None:
        self.files, self.keep = find_pictures(folders), keep
        self._decoded: dict[Path, np.ndarray] = {}

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return a random picture (h, w, 3) uint8 BGR, uniformly chosen.

        Raises:
            OSError: the picture is not readable.
        """
        path = self.files[rng.integers(len(self.files))]
        if path not in self._decoded:
            try:
                picture = read_image(path)
            except UnreadableImageError as error:
                raise OSError(f'pictures: {path} is not a readable picture ({error}); remove or replace it') from error
            if len(self._decoded) >= self.keep:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[path] = picture
        return self._decoded[path]
