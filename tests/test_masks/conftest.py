"""A body that is easy to see, before a background with structure, and a folder of such images."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxas.ops.boxes import mask_box


def make_image(seed: int = 0, size: tuple[int, int] = (90, 120), shift: int = 0):
    """An image (h, w, 3), the mask (h, w) of a body with two thin limbs in it, and the mask's box (4,)."""
    rng = np.random.default_rng(seed)
    field = rng.integers(90, 130, size=(9, 12, 3), dtype=np.uint8) + np.array([60, 20, 0], dtype=np.uint8)
    image = cv2.resize(field, size[::-1], interpolation=cv2.INTER_CUBIC)
    mask = np.zeros(size, np.uint8)
    cv2.ellipse(mask, (50 + shift, 42), (9, 17), 0, 0, 360, 255, -1)
    cv2.line(mask, (50 + shift, 50), (38 + shift, 76), 255, 4)
    cv2.line(mask, (50 + shift, 50), (66 + shift, 74), 255, 4)
    image[mask > 0] = (40, 60, 200) + rng.integers(-12, 12, size=(int((mask > 0).sum()), 3))
    return image, mask > 0, mask_box(mask)


@pytest.fixture(scope='session')
def scene():
    """``scene.make(seed, size, shift)``."""
    return SimpleNamespace(make=make_image)


@pytest.fixture
def folder(tmp_path, scene):
    """``images/a.jpg``, ``images/b.png`` and ``images/sub/c.jpg`` with ``known`` masks and ``boxes.json``."""
    boxes = {}
    for number, name in enumerate(('a.jpg', 'b.png', 'sub/c.jpg')):
        image, mask, box = scene.make(number, shift=4 * number)
        for kind, data in (('images', image), ('known', mask.astype(np.uint8) * 255)):
            path = tmp_path / kind / name
            path = path if kind == 'images' else path.with_suffix('.png')
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), data)
        boxes[name] = box.tolist()
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    return tmp_path
