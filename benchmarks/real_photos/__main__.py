"""``python -m benchmarks.real_photos``: evaluate the weights on real photos in one table (docs/real_photos.md).

Photos are read from the folder in the environment variable MMXAS_DATA_DIR; the parts ``renderings`` and
``dog_renderings`` need none.
Written to ``benchmarks/results/real_photos.json`` and ``.md``.
"""
from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.logging import MMLogger

from benchmarks.__main__ import machine
from benchmarks.comparison import ROOT
from benchmarks.report import table
from mmxas.datasets.transforms.loading import recorded_skips
from mmxas.io.atomic_writes import write_atomically
from mmxas.io.images import read_image
from mmxas.masks.mask_checks import mask_iou
from mmxas.ops.pose_metrics import p_mpjpe

from . import photos as read
from .detector import DECODINGS, Detector
from .photos import NEEDS, Photo
from .renderings import groups, pipeline_of, renderings
from .scores import errors_3d, is_upright, limb_pck, mask_pck, scaled_error

OUT = ROOT / 'benchmarks/results/real_photos.json'
RENDERINGS = ROOT / 'benchmarks/results/renderings'
READERS = {'lspet': (read.lspet, ), 'frames': (read.frames, ), 'pose2sim': (read.pose2sim, ),
           'dogs': (read.stanford_extra, read.badja)}
MASKED = ('ccp/dev', 'davis/parkour')
COLUMNS = tuple(f'{decoding}, {pose}' for decoding in DECODINGS for pose in ('top-1', 'best-of-H'))
MEDIAPIPE = 'MediaPipe'
IN_MEDIAPIPE = [28, 26, 24, 23, 25, 27, 16, 14, 12, 11, 13, 15]  # the limbs, in the order of LIMBS
# By mediapipe 0.10.21: its largest model for lspet/dev, the one in its wheel for the others.
RECORDED = {('lspet/dev', 'PCK@0.2'): 0.598, ('lspet/dev, upright', 'PCK@0.2'): 0.634,
            ('labelled frames', 'N-MPJPE'): 166.0, ('labelled frames', 'PA-MPJPE'): 108.0,
            ('pose2sim', 'N-MPJPE'): 152.0, ('pose2sim', 'PA-MPJPE'): 94.0}

Rows = dict[tuple[str, str], dict[str, list[float]]]  # (data set, metric) -> column -> one value per photo


def new_rows() -> Rows:
    """Return a table without rows."""
    return defaultdict(lambda: defaultdict(list))


def data_sets(photo: Photo) -> list[str]:
    """Return the data sets of the table that a photo belongs to."""
    if photo.group == 'lspet/dev':
        return ['lspet/dev', 'lspet/dev, upright'] if is_upright(photo.joints) else ['lspet/dev']
    return ['labelled frames', photo.group] if photo.skeleton is not None else [photo.group]


def figures(poses: np.ndarray, photo: Photo) -> dict[str, np.ndarray]:
    """Return metrics (H,) of hypotheses (H, K, 3), x and y in px, z times the side of the crop in px."""
    if photo.visible is not None:
        return {'PCK@0.15': mask_pck(poses[..., :2], photo)}
    if photo.pose is None:
        return {'PCK@0.2': limb_pck(poses[:, read.IN_H36M, :2], photo.joints)}
    return errors_3d(poses, photo)


def best_of(figure: str) -> Callable[[np.ndarray], float]:
    """Return ``max`` or ``min``, whichever is the better value of a metric."""
    return np.max if figure.startswith('PCK') else np.min


def add_poses(rows: Rows, detector: Detector, photos: Sequence[Photo], pipeline: Compose | None = None) -> None:
    """Add a detector's metrics on photos, with its test pipeline or another."""
    for decoding, predictions in detector.predict(photos, pipeline).items():
        for photo, prediction in zip(photos, predictions, strict=True):
            for figure, values in figures(prediction.poses, photo).items():
                counted = best_of(figure)(values[prediction.counted])
                for name in data_sets(photo):
                    rows[name, figure][f'{decoding}, top-1'].append(float(values[0]))
                    rows[name, figure][f'{decoding}, best-of-H'].append(float(counted))


def add_renderings(rows: Rows, detector: Detector, folder: Path, prefix: str = '') -> None:
    """Add a detector's metrics on held-out renderings of its own config, in rows whose names start with ``prefix``."""
    cfg = detector.inferencer.cfg
    photos = renderings(cfg, folder)
    for group in groups(cfg):
        add_poses(rows, detector, [replace(photo, group=prefix + group) for photo in photos], pipeline_of(cfg, group))


def add_masks(rows: Rows, detector: Detector, photos: Sequence[Photo]) -> None:
    """Add the quality of the masks of a detector's segmenter, given the true boxes."""
    for photo in photos:
        found = detector.masks.segment(read_image(photo.image), photo.box.astype(np.float32))
        rows[photo.group, 'mask IoU'][COLUMNS[0]].append(mask_iou(found, photo.mask))


def add_mediapipe(rows: Rows, python: str, photos: Sequence[Photo]) -> None:
    """Add MediaPipe's metrics on people; a missed person counts as 0 in PCK and is ignored in 3D."""
    with tempfile.TemporaryDirectory() as folder:
        jobs, out = Path(folder, 'jobs.json'), Path(folder, 'out.json')
        jobs.write_text(json.dumps([(str(photo.image), photo.box.tolist()) for photo in photos]), encoding='utf-8')
        subprocess.run([python, Path(__file__).with_name('mediapipe_poses.py'), jobs, out], check=True,
                       stderr=subprocess.DEVNULL)
        found = json.loads(out.read_text(encoding='utf-8'))
    for photo, result in zip(photos, found, strict=True):
        for figure, value in mediapipe_figures(photo, result).items():
            for name in data_sets(photo):
                rows[name, figure][MEDIAPIPE].append(value)


def mediapipe_figures(photo: Photo, result: Mapping[str, Any] | None) -> dict[str, float]:
    """Return metrics of one result of ``mediapipe_poses.py``, which is None for a missed person."""
    if photo.pose is None:
        points = None if result is None else np.array(result['image'])[IN_MEDIAPIPE]
        return {'PCK@0.2': 0.0 if points is None else float(limb_pck(points[None], photo.joints)[0])}
    if result is None:
        return {}
    pose = np.array(result['world'])[IN_MEDIAPIPE]
    return {'N-MPJPE': float(scaled_error(pose[None], photo.pose)[0]), 'PA-MPJPE': float(p_mpjpe(pose, photo.pose))}


def summary(rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield the mean of each row and column, with MediaPipe's recorded values if none were measured."""
    for (name, figure), columns in rows.items():
        row = dict(data=name, figure=figure, photos=max(map(len, columns.values())),
                   **{column: float(np.mean(values)) for column, values in columns.items()})
        if MEDIAPIPE not in row and (name, figure) in RECORDED:
            row.update({MEDIAPIPE: RECORDED[name, figure], 'recorded': True})
        yield row


def text(row: Mapping[str, Any], column: str) -> str:
    """Return a cell; a star marks recorded values."""
    if column not in row:
        return ''
    digits = 0 if 'MPJPE' in row['figure'] else 3
    return f'{row[column]:.{digits}f}' + '*' * (column == MEDIAPIPE and row.get('recorded', False))


def markdown(content: Mapping[str, Any]) -> str:
    """Return the table and the setup of the measurement."""
    columns = [*COLUMNS, MEDIAPIPE]
    rows = [[row['data'], str(row['photos']), row['figure'], *(text(row, column) for column in columns)]
            for row in content['rows']]
    used = ', '.join(f'{name}: {" ".join(content[name])}' for name in ('human', 'dog'))
    return (f'{used}, masks by {content["segmenter"]}, {content["machine"]}, {content["seconds"]:.0f} s. Errors in mm. '
            'Figures without a decoding stand in the first column.' + ' * recorded.' * ('*' in str(rows)) + '\n\n'
            + table(['photos', 'number', 'figure', *columns], rows) + '\n')


def measure(root: Path | None, args: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen parts; return the content of the JSON file."""
    segmenter = None if args.segmenter is None else dict(type=args.segmenter)
    detectors = {name: cache(lambda name=name: Detector(getattr(args, name), segmenter)) for name in ('human', 'dog')}
    rows = new_rows()
    start = time.perf_counter()
    for part in args.only:
        species = 'dog' if part == 'dogs' else 'human'
        with recorded_skips():  # of frames without an image
            photos = [photo for reader in READERS.get(part, ()) for photo in reader(root)]
        if photos:
            add_poses(rows, detectors[species](), photos)
        if photos and species == 'human' and args.mediapipe:
            add_mediapipe(rows, args.mediapipe, photos)
    if 'masks' in args.only:
        for folder in MASKED:
            add_masks(rows, detectors['human'](), list(read.masked(root, folder)))
        for dogs in (read.stanford_extra(root), read.masked(root, 'davis/dog')):
            add_masks(rows, detectors['dog'](), list(dogs))
    if 'renderings' in args.only:
        add_renderings(rows, detectors['human'](), RENDERINGS)
    if 'dog_renderings' in args.only:
        add_renderings(rows, detectors['dog'](), RENDERINGS, prefix='dog ')
    used = {name: build() for name, build in detectors.items() if build.cache_info().currsize}
    for name, detector in used.items():
        if detector.photos:
            rows[name, 'seconds per photo, detector'][COLUMNS[0]] = [detector.seconds / detector.photos]
        if detector.masks.seconds:
            rows[name, 'seconds per photo, mask'][COLUMNS[0]] = detector.masks.seconds
    names = {detector.masks.name for detector in used.values()}
    return dict(machine=machine(), human=args.human, dog=args.dog, segmenter=' and '.join(sorted(names)),
                seconds=time.perf_counter() - start, rows=list(summary(rows)))


def main(argv: list[str] | None = None) -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.real_photos', description=__doc__)
    for name in ('human', 'dog'):
        parser.add_argument(f'--{name}', nargs='+', default=[name], metavar=('MODEL', 'WEIGHTS'),
                            help=f'a shipped model, or a config and its checkpoint (default: {name})')
    parser.add_argument('--only', nargs='+', choices=list(NEEDS), default=list(NEEDS), metavar='PART',
                        help=f'of {", ".join(NEEDS)} (default: all)')
    parser.add_argument('--segmenter', help="type of the segmenter, e.g. GrabCutSegmenter (default: the pipeline's)")
    parser.add_argument('--mediapipe', metavar='PYTHON', help='interpreter with mediapipe==0.10.21 (default: its '
                        'recorded figures stand in the table)')
    parser.add_argument('--out', type=Path, default=OUT, help='JSON; the table is written beside it')
    args = parser.parse_args(argv)
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    try:
        content = measure(read.data_root(args.only), args)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:  # of data, models or the interpreter
        print(error, file=sys.stderr)
        return 2
    page = markdown(content)
    print(page)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    write_atomically(args.out.with_suffix('.md'), lambda file: file.write(page.encode()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
