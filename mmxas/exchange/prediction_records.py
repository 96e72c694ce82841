"""The json files that tools/infer.py writes, as a table."""
import re
from pathlib import Path

import numpy as np

from mmxas.safe_files import named_when_broken, read_json

from .keypoint_table import KeypointTable, numbered


def read_predictions(path: str | Path, scorer: str = 'mmxas') -> KeypointTable:
    """Read predictions of one image, or of a folder with one file an image.

    Args:
        path: A ``.json`` file, or a folder of them, of which 2 comes before 10.
        scorer: Who gives the hypotheses. Defaults to ``'mmxas'``; with several, ``mmxas_1`` is the most confident.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file is no prediction, there is none with a pose, or one has another skeleton, unit or number of
            hypotheses than the first.
    """
    path, kinds, found, sizes = Path(path), {}, [], {}
    files = sorted(path.glob('*.json'), key=_in_order) if path.is_dir() else [path]
    for file in files:
        record = read_json(file, ['skeleton', 'instances'])
        with named_when_broken(file, 'not a prediction of tools/infer.py', 'leave it out'):
            image, size, skeleton = record.get('image') or file.stem, record.get('image_size'), record['skeleton']
            sizes[image] = (size['width'], size['height']) if size else None
            for one in record['instances']:
                points, scores = ([pose[key] for pose in one['hypotheses']] for key in ('keypoints', 'keypoint_scores'))
                shape = (len(points), len(skeleton['keypoints']))
                kinds.setdefault((tuple(skeleton['keypoints']), tuple(one['units']), shape[0]), file.name)
                found.append((image, np.reshape(points, (*shape, len(one['units']))), np.reshape(scores, shape),
                              np.reshape(one['bbox'], 4), skeleton.get('links') or ()))
    if len(kinds) != 1:
        raise ValueError(f'{path}: one kind of names, units, hypotheses expected, {kinds} found in {len(files)} files')
    (names, units, hypotheses), = kinds
    images, points, scores, boxes, links = zip(*found, strict=True)
    return KeypointTable(
        names, images, np.array(points), np.array(scores), scorers=numbered(scorer, hypotheses), units=units,
        links=tuple((int(a), int(b)) for a, b in links[0]), boxes=np.array(boxes), sizes=sizes)


def _in_order(path: Path) -> list[tuple[int, str]]:
    return [(int(word), '') if word.isdecimal() else (-1, word) for word in re.split(r'(\d+)', path.name)]
