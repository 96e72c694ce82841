"""Pose records as ``mmxas infer`` writes them, of a body of four keypoints whose place is known, and pages of them."""
import base64
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 120, 90
NAMES = ('root', 'left_hand', 'right_hand', 'head')
# px of the image in the first frame: the left hand is on its right side
POINTS = np.array([[60.0, 50], [80, 50], [40, 50], [60, 20]])
CROP = [20.0, 5.0, 100.0, 85.0]


def tiny_record(move: float = 0, bodies: int = 1, in_mm: bool = False, **more: Any) -> dict[str, Any]:
    """A record; ``move`` shifts its bodies to the right by px, ``more`` are further keys.

    Hypothesis h has the left hand 0.25 * h of the crop farther, and the score 0.8 - 0.2 * h; only hypothesis 2 has no
    peak of its own.
    """
    return dict(dict(
        image=None, image_size=dict(width=WIDTH, height=HEIGHT),
        skeleton=dict(name='tiny', keypoints=list(NAMES), links=[[0, 1], [0, 2], [0, 3]]),
        instances=[_instance(move - 15 * body, in_mm) for body in range(bodies)]), **more)


def _instance(move: float, in_mm: bool) -> dict[str, Any]:
    hypotheses = []
    for index in range(3):
        depths = np.array([0, 0.25 * index, -0.125, 0]) * (1000 if in_mm else 1)
        points = np.column_stack([POINTS + [move, 0], depths])
        scores = np.full(len(NAMES), 0.8 - 0.2 * index)
        hypotheses.append(dict(score=scores.mean(), counts=index < 2, keypoints=points.tolist(),
                               keypoint_scores=scores.tolist(), valid=[index < 2] * len(NAMES)))
        if in_mm:
            hypotheses[-1]['keypoints_camera_mm'] = (points * [10, 10, 1] + [0, 0, 3000]).tolist()
    return dict(bbox=[30 + move, 10, 90 + move, 60], crop=[CROP[0] + move, CROP[1], CROP[2] + move, CROP[3]],
                depth_unit='mm' if in_mm else 'crop', hypotheses=hypotheses)


def tiny_image(value: int = 200) -> np.ndarray:
    """The image of a record, (h, w, 3) uint8, in one grey."""
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def write_photos(folder: Path, **records: dict) -> Path:
    """Write records by name as ``mmxas infer PHOTOS --out-dir`` does; return the folder."""
    (folder / 'predictions').mkdir(parents=True)
    for name, record in records.items():
        (folder / 'predictions' / f'{name}.json').write_text(json.dumps(record))
    return folder


def write_clip(folder: Path, records: list[dict], source: str | Path = 'gone.mp4') -> Path:
    """Write records as ``mmxas infer CLIP --out-dir`` does, of every frame at 25 a second; return the folder."""
    folder.mkdir(parents=True)
    lines = [json.dumps(dict(record, frame=index, time=index / 25)) for index, record in enumerate(records)]
    (folder / 'predictions.jsonl').write_text('\n'.join([*lines, '']))
    (folder / 'video.json').write_text(json.dumps(dict(source=str(source), fps=25)))
    return folder


def poses_of(page: str | Path) -> dict:
    """What a page holds."""
    text = page if isinstance(page, str) else page.read_text(encoding='utf-8')
    return json.loads(re.search(r'<script type="application/json" id="poses">(.*?)</script>', text)[1])


def picture_of(frame: dict) -> np.ndarray:
    """The image (h, w, 3) BGR of a frame of a page."""
    kind, _, data = frame['image'].partition(',')
    assert kind in ('data:image/jpeg;base64', 'data:image/webp;base64')
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
