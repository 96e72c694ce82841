import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmxas.compat.config_paths import config_path


@pytest.fixture(scope='session')
def detector_config():
    """The quick recipe's detector, as it ships."""
    return Config.fromfile(config_path('xas_mocap.py'))


@pytest.fixture(scope='session')
def image():
    """A picture (120, 160, 3) uint8 BGR."""
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path, image):
    """A folder of two photos, a truncated one, and other files."""
    folder = tmp_path / 'photos'
    (folder / 'deeper').mkdir(parents=True)
    cv2.imwrite(str(folder / 'b.png'), image)
    cv2.imwrite(str(folder / 'a.JPG'), image)
    cv2.imwrite(str(folder / 'cut.jpg'), image)
    data = (folder / 'cut.jpg').read_bytes()
    (folder / 'cut.jpg').write_bytes(data[:len(data) // 2])
    (folder / 'notes.txt').write_text('no image')
    return folder
