"""The json files that tools/infer.py writes, as a table."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mmxas.safe_files import read_json

from .keypoint_table import KeypointTable, numbered


def read_predictions(path: str | os.PathLike, scorer: str = 'mmxas') -> KeypointTable:
    """Read predictions of one image, or of a folder with one file an image.

    Args:
        path: A ``.json`` file, or a folder of them.
        scorer: Who gives the hypotheses. Defaults to ``'mmxas'``; with several, ``mmxas_1`` is the most confident.

    Raises:
        FileNotFoundError: There is no such file, or the folder holds none.
        ValueError: A file is no prediction, or one has another skeleton, unit or number of hypotheses than the first.
    """
    path = Path(path)
    files = sorted(path.glob('*.json')) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f'{path}: no .json file in this folder; tools/infer.py writes some')
    first, images, poses, scores, boxes = None, [], [], [], []
    for file in files:
        record = read_json(file, ['skeleton', 'instances'])
        try:
            for instance in record['instances']:
                hypotheses = instance['hypotheses']
                kind = (tuple(record['skeleton']['keypoints']), tuple(instance['units']), len(hypotheses))
                first = first or (*kind, file, record['skeleton'])
                if kind != first[:3]:
                    raise ValueError(f'{file}: {len(kind[0])} keypoints in {", ".join(kind[1])}, {kind[2]} hypotheses; '
                                     f'{first[3].name} has {len(first[0])} in {", ".join(first[1])}, {first[2]}')
                images.append(str(record.get('image') or file.stem))
                poses.append([one['keypoints'] for one in hypotheses])
                scores.append([one['keypoint_scores'] for one in hypotheses])
                boxes.append(instance['bbox'])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{file}: not a prediction of tools/infer.py ({type(error).__name__}: {error})') from error
    if first is None:
        raise ValueError(f'{path}: no pose in {len(files)} files')
    return KeypointTable(
        names=first[0], images=tuple(images), keypoints=np.array(poses, float), scores=np.array(scores, float),
        scorers=numbered(scorer, first[2]), units=first[1], boxes=np.array(boxes, float),
        links=tuple((int(a), int(b)) for a, b in first[4].get('links') or ()))
