"""Tutorials, notebooks and README, run as they are; for ``make notebooks``: marked ``tutorial``, left out elsewhere."""
import shutil
from pathlib import Path

import pytest

from mmxas.io import VideoWriter
from mmxas.io.images import read_image

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``-m tutorial``, nothing."""
    if 'tutorial' not in config.option.markexpr:
        mine = [item for item in items if item.get_closest_marker('tutorial')]
        config.hook.pytest_deselected(items=mine)
        items[:] = [item for item in items if item not in mine]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder: a photo, a folder of two, and a video of three frames."""
    (tmp_path / 'photos').mkdir()
    for name in ('photo.jpg', 'photos/a.jpg', 'photos/b.jpg'):
        shutil.copy(ROOT / 'docs/images/walking.jpg', tmp_path / name)
    image = read_image(tmp_path / 'photo.jpg')
    with VideoWriter(tmp_path / 'clip.mp4', image.shape[:2]) as video:
        for index in range(3):
            video.write(image, index / 25)
    return tmp_path
