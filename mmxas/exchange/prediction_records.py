"""The json files that tools/infer.py writes, as a table."""
from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from mmxas.safe_files import read_json
from mmxas.safe_files.image_folders import natural_key

from .keypoint_table import KeypointTable, numbered


def read_predictions(path: str | os.PathLike, scorer: str = 'mmxas', run: str | None = None) -> KeypointTable:
    """Read predictions of one image, or of a folder with one file an image, frame 2 before frame 10.

    Args:
        path: A ``.json`` file, or a folder of them.
        scorer: Who gives the hypotheses. Defaults to ``'mmxas'``; with several, ``mmxas_1`` is the most confident.
        run: ``'last'`` or ``'all'`` of the runs whose files are in the folder. Defaults to None: there is one.

    Raises:
        FileNotFoundError: There is no such file, or the folder holds none.
        ValueError: A file is no prediction, or one has another skeleton, unit or number of hypotheses than the first;
            or the folder has files of several runs and ``run`` does not say which.
    """
    path = Path(path)
    files = sorted(path.glob('[!.]*.json'), key=natural_key) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f'{path}: no .json file in this folder; tools/infer.py writes some')
    records = {file: read_json(file, ['skeleton', 'instances']) for file in files}
    first, images, poses, scores, boxes = None, [], [], [], []
    for file, record in _of_runs(records, path, run).items():
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


def _of_runs(records: dict[Path, dict], path: Path, run: str | None) -> dict[Path, dict]:
    """The records of all runs, or of the last."""
    runs = Counter(str(record.get('run') or 'unknown') for record in records.values())
    if len(runs) == 1 or run == 'all':
        return records
    if run is None:
        found = ', '.join(f'{count} of {name}' for name, count in sorted(runs.items()))
        raise ValueError(f'{path}: files of several runs of tools/infer.py ({found}); choose by --run last or --run '
                         'all')
    last = max(runs - Counter({'unknown': runs['unknown']}))
    return {file: record for file, record in records.items() if record.get('run') == last}
