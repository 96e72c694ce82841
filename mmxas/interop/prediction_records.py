"""Read the json files that tools/infer.py writes."""
from pathlib import Path

import numpy as np

from mmxas.io import named_when_broken, read_json
from mmxas.io.image_folders import natural_key

from .keypoint_table import KeypointTable, numbered
from .video_records import read_video_poses


def read_predictions(path: str | Path, scorer: str = 'mmxas', run: str | None = None) -> KeypointTable:
    """Read predictions of one image, or of a folder with one file per image.

    Args:
        path: A ``.json`` file, a folder of them, read in natural order (2 before 10), or the ``.jsonl`` of a video,
            whose identities become individuals.
        scorer: Name of the scorer. Defaults to ``'mmxas'``; with several hypotheses, ``mmxas_1`` is the top-1 pose.
        run: ``'last'`` or ``'all'``, for a folder with files of several runs. Defaults to None: there is only one run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file is not a prediction, no file has a pose, or one differs from the first in skeleton, unit or
            number of hypotheses; or the folder has files of several runs and ``run`` is None.
    """
    path, kinds, found, sizes = Path(path), {}, [], {}
    if path.suffix == '.jsonl':
        poses = read_video_poses(path)
        return poses.table(poses.hypotheses, poses.scores, scorer)
    files = sorted(path.glob('[!.]*.json'), key=natural_key) if path.is_dir() else [path]
    records = [(file, read_json(file, ['skeleton', 'instances'])) for file in files]
    runs = [str(record.get('run') or 'unknown') for _, record in records]
    if run is None and len(set(runs)) > 1:
        them = ', '.join(f'{runs.count(name)} of {name}' for name in sorted(set(runs)))
        raise ValueError(f'{path}: files of several runs of tools/infer.py ({them}); use --run last or --run all')
    last = max({*runs} - {'unknown'}, default='unknown')
    for file, record in [one for one, name in zip(records, runs, strict=True) if run != 'last' or name == last]:
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
        raise ValueError(f'{path}: expected equal names, units and hypotheses, found {kinds} in {len(files)} files')
    (names, units, hypotheses), = kinds
    images, points, scores, boxes, links = zip(*found, strict=True)
    return KeypointTable(
        names, images, np.array(points), np.array(scores), scorers=numbered(scorer, hypotheses), units=units,
        links=tuple((int(a), int(b)) for a, b in links[0]), boxes=np.array(boxes), sizes=sizes)
