"""Check all data of a config before training: counts, missing files, mismatches.

K: keypoints, h, w: size of an image.
"""
from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.io import AmbiguousMaskError, foreground, inspect_mask, nearly_all_bad
from mmxas.io.images import UnreadableImageError, read_image
from mmxas.io.masks import FULL
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import DATASETS

from .samplers import seeded
from .shared_parts import share
from .transforms.loading import recorded_skips

LOADERS = ('train', 'val', 'test')
# Tolerated distance between image and projected points (lens distortion), as a fraction of the box's larger side.
PROJECTION = 0.1


@dataclass
class DatasetReport:
    """Result of checking one data set.

    Attributes:
        name: Its location in the config, such as ``'train.target'``.
        kind: Its type.
        samples: Number of samples; None if the data set could not be read.
        checked: Number of samples that were checked individually.
        masks: Number of checked samples with a mask.
        foreground: For each rule of :func:`~mmxas.io.read_mask`, the fractions of the image that its masks cover.
        labels: Number of checked samples with keypoints.
        problems: ``(kind, description)`` of each problem.
        notes: Remarks that are not problems.
        keypoints: K of its skeleton, if it could be read.
    """

    name: str
    kind: str
    samples: int | None = None
    checked: int = 0
    masks: int = 0
    foreground: dict[str, list[float]] = field(default_factory=dict)
    labels: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keypoints: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of problems per kind."""
        return dict(Counter(kind for kind, _ in self.problems))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a json file."""
        return dict(name=self.name, type=self.kind, samples=self.samples, checked=self.checked, masks=self.masks,
                    foreground=self.foreground, labels=self.labels, keypoints=self.keypoints, counts=self.counts,
                    problems=[list(problem) for problem in self.problems], notes=self.notes)


def dataset_configs(cfg: Mapping[str, Any], loaders: Sequence[str] = LOADERS) -> dict[str, dict]:
    """Return the configs of all data sets by location; paired and mixed ones are replaced by the data sets inside.

    Args:
        cfg: A config with ``train_dataloader``, ``val_dataloader``, ``test_dataloader``, or some of these.
        loaders: The loaders to consider. Defaults to all.

    Returns:
        Equal configs are listed once, under their first location. The model's skeleton and codec are filled in.

    Raises:
        ValueError: A data set states another skeleton than the model's.
    """
    found: dict[str, dict] = {}
    for split in loaders:
        loader = cfg.get(f'{split}_dataloader')
        if isinstance(loader, Mapping):
            dataset = share(loader['dataset'], cfg.get('model'), f'{split}_dataloader.dataset')
            for name, config in _leaves(dataset, split):
                if config not in found.values():
                    found[name] = config
    return found


def is_dataset(config: Mapping[str, Any], base: type) -> bool:
    """Return whether the class of a data set config is derived from ``base``."""
    kind = DATASETS.get(config['type']) if isinstance(config.get('type'), str) else config.get('type')
    return isinstance(kind, type) and issubclass(kind, base)


def build_unloaded(config: Mapping[str, Any]) -> Any:
    """Build a data set without reading anything, to find out what it would read."""
    return DATASETS.build({**config, 'pipeline': [], 'lazy_init': True})


def inner_datasets(dataset: Any) -> list[Any]:
    """Return the data sets inside a paired or mixed data set; empty for any other."""
    return [*getattr(dataset, 'parts', {}).values(), *getattr(dataset, 'datasets', ())]


def _leaves(config: Any, name: str) -> list[tuple[str, dict]]:
    if not isinstance(config, Mapping):  # already built
        return []
    inner = {key: config[key] for key in ('target', 'synthetic') if isinstance(config.get(key), Mapping)}
    if isinstance(config.get('datasets'), list | tuple):
        inner.update({f'datasets[{i}]': part for i, part in enumerate(config['datasets'])})
    elif isinstance(config.get('dataset'), Mapping):
        inner['dataset'] = config['dataset']
    if not inner:
        return [(name, dict(config))]
    return [leaf for key, part in inner.items() for leaf in _leaves(part, f'{name}.{key}')]


def check_config(cfg: Mapping[str, Any], num: int | None = 100) -> list[DatasetReport]:
    """Check all data sets of a config.

    Args:
        cfg: The config.
        num: Number of samples per data set to check individually, evenly spread; None for all. Defaults to 100.

    Returns:
        One report per data set.
    """
    reports = [check_dataset(name, config, num) for name, config in dataset_configs(cfg).items()]
    wanted = cfg.get('model', {}).get('head', {}).get('num_keypoints')
    known = [report for report in reports if report.keypoints is not None]
    for report in known:
        expected = known[0].keypoints if wanted is None else wanted
        if report.keypoints != expected:
            whose = f'that of {known[0].name}' if wanted is None else 'model.head.num_keypoints'
            report.problems.append(('keypoint count', f'the skeleton has {report.keypoints} keypoints, {whose} is '
                                    f'{expected}'))
    return reports


def check_dataset(name: str, config: Mapping[str, Any], num: int | None = 100) -> DatasetReport:
    """Check one data set, without rendering or writing anything.

    Args:
        name: Name of the data set in the report.
        config: Its config.
        num: Number of samples to check individually, evenly spread; None for all. Defaults to 100.

    Returns:
        The report.
    """
    report = DatasetReport(name, str(config.get('type')))
    dataset = _build(config, report)
    if dataset is None:
        return report
    report.samples, report.keypoints = len(dataset), dataset.metainfo.get('num_keypoints')
    chosen = range(len(dataset))
    if num is not None and num < len(dataset):
        chosen = np.unique(np.linspace(0, len(dataset) - 1, num).round().astype(int)).tolist()
    for index in chosen:
        report.checked += 1
        _check_one(dataset, index, report)
    bad = nearly_all_bad([share for shares in report.foreground.values() for share in shares])
    if bad and report.masks > 1:
        report.problems.append(('masks', f'{bad}: training stops at this'))
    return report


def _build(config: Mapping[str, Any], report: DatasetReport) -> Any:
    """Build without rendering, skipping bad files; return None if that fails."""
    config, accepted = dict(config), _arguments(config.get('type'))
    changes = dict(on_error='skip', num_checked=1, image_files=False, lazy_init=False)
    config.update({key: value for key, value in changes.items() if key in accepted})
    rendered = config.get('generator') is not None and 'generator' in accepted and _is_on_disk(config, accepted)
    if rendered:
        config['generator'] = None
    with recorded_skips() as skips:
        try:
            dataset = DATASETS.build(config)
            dataset.full_init() if hasattr(dataset, 'full_init') else None
        except FileNotFoundError as error:
            if rendered:
                report.notes.append(f'not rendered, or not completely; training and testing render it first ({error})')
            else:
                report.problems.append(('missing', str(error)))
            dataset = None
        except Exception as error:  # any error that a data set raises for bad data is a problem to report
            report.problems.append(('cannot be read', f'{type(error).__name__}: {error}'))
            dataset = None
    report.problems += [(_kind_of(reason), reason) for reason in skips]
    return dataset


def _arguments(kind: Any) -> set[str]:
    """Return the argument names of a registered data set and its bases; mmengine raises errors at build time."""
    cls = DATASETS.get(kind) if isinstance(kind, str) else kind
    if not inspect.isclass(cls):
        return set()
    return {name for base in inspect.getmro(cls) if '__init__' in vars(base)
            for name in inspect.signature(base.__init__).parameters}


def _is_on_disk(config: Mapping[str, Any], accepted: set[str]) -> bool:
    """Return whether rendered pairs are stored in a folder; others are rendered on access."""
    return config.get('data_root') is not None or 'split' in accepted


def _kind_of(reason: str) -> str:
    """Return the kind of problem for a reason to skip a sample."""
    for words, kind in (('all black', 'empty mask'), ('looks inverted', 'inverted mask'),
                        ('several ids', 'several ids'), ('masks are empty', 'masks'), ('no mask', 'missing mask'),
                        ('no such file', 'missing'), ('px, but its image', 'mask size')):
        if words in reason:
            return kind
    return 'unreadable'


def _check_one(dataset: Any, index: int, report: DatasetReport) -> None:
    """Check one sample, and run the pipeline on it."""
    try:
        info = dataset.get_data_info(index)
        problems = sample_problems(info, report.keypoints, report.foreground)
    except (UnreadableImageError, ValueError, OSError, KeyError) as error:
        problems, info = [(_kind_of(str(error)), str(error))], {}
    report.masks += info.get('mask') is not None or bool(info.get('mask_path'))
    report.labels += info.get('keypoints') is not None
    if not problems and info:
        try:
            with seeded(0, 0, index):
                packed = dataset.pipeline(info)
            problems = [] if packed is not None else [('pipeline', 'the pipeline drops it')]
        except Exception as error:
            problems = [('pipeline', f'{type(error).__name__}: {error}')]
    name = str(info.get('sample_name') or info.get('img_path') or f'sample {index}')
    report.problems += [(kind, what if name in what else f'{name}: {what}') for kind, what in problems]


def sample_problems(info: Mapping[str, Any], num_keypoints: int | None = None,
                    taken: dict[str, list[float]] | None = None) -> list[tuple[str, str]]:
    """Return the problems of a raw sample.

    Args:
        info: The sample, as returned by ``get_data_info``.
        num_keypoints: K of the skeleton, or None.
        taken: Collects the fraction of the image that the mask covers, by the rule that defined its foreground.
            Defaults to None: not collected.

    Returns:
        ``(kind, description)``.
    """
    try:
        image = info.get('img')
        shape = (read_image(info['img_path']) if image is None else image).shape[:2]
    except UnreadableImageError as error:
        return [('missing' if not Path(info['img_path']).is_file() else 'unreadable', str(error))]
    taken = {} if taken is None else taken
    return [*_mask_problems(info, shape, taken), *_box_problems(info, shape), *_label_problems(info, num_keypoints)]


def _mask_problems(info: Mapping[str, Any], shape: tuple[int, int], taken: dict[str, list[float]]
                   ) -> list[tuple[str, str]]:
    mask, path = info.get('mask'), info.get('mask_path')
    if mask is None and not path:
        return []
    try:
        found = inspect_mask(path, info.get('mask_ids')) if path else foreground(mask)._replace(rule='in memory')
    except UnreadableImageError as error:
        return [('unreadable mask' if Path(path).is_file() else 'missing mask', str(error))]
    except AmbiguousMaskError as error:
        return [(_kind_of(str(error)), str(error))]
    if found.mask.shape != tuple(shape):
        return [('mask size', f'{path or "mask"}: (h, w) {found.mask.shape}, its image {tuple(shape)}')]
    share = float(found.mask.mean())
    taken.setdefault(found.rule, []).append(round(share, 4))
    if share == 0:
        return [('empty mask', 'the mask is all black')]
    return [('full mask', f'the mask covers {100 * share:.1f} % of the image')] if share > FULL else []


def _box_problems(info: Mapping[str, Any], shape: tuple[int, int]) -> list[tuple[str, str]]:
    if info.get('bbox') is None:
        return [('box', 'no box')]
    box = np.asarray(info['bbox'], dtype=np.float64).reshape(-1)[:4]
    if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        return [('box', f'box {box.tolist()} has no area')]
    height, width = shape
    if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
        return [('box', f'box {box.round(1).tolist()} lies outside the image of {width} x {height} px')]
    return []


def _label_problems(info: Mapping[str, Any], num_keypoints: int | None) -> list[tuple[str, str]]:
    problems = []
    for key in ('keypoints', 'keypoints_cam'):
        points = info.get(key)
        if points is None:
            continue
        if num_keypoints is not None and points.shape[1] != num_keypoints:
            problems.append(('keypoint count', f'{key}: {points.shape[1]}, the skeleton has {num_keypoints}'))
        elif not np.isfinite(points).all():
            problems.append(('label', f'{key} holds numbers that are not finite'))
    return problems or _camera_problems(info)


def _camera_problems(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Check that the 3D keypoints lie in front of the camera and project to the 2D keypoints."""
    points, camera = info.get('keypoints_cam'), info.get('camera')
    if points is None or camera is None:
        return []
    K = np.asarray(camera['K'], dtype=np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
        return [('camera', f'intrinsics {K.tolist()}: a matrix (3, 3) with positive focal lengths expected')]
    points = np.asarray(points[0], dtype=np.float64)
    if (points[:, 2] <= 0).any():
        return [('camera', f'{int((points[:, 2] <= 0).sum())} keypoints lie behind the camera')]
    if info.get('keypoints') is None:
        return []
    seen = np.asarray(info.get('keypoints_visible', np.ones((1, len(points))))).reshape(len(points), -1)[:, 0] > 0
    pixels = np.asarray(info['keypoints'][0], dtype=np.float64)[seen]
    offset = np.linalg.norm(camera_to_image(points[seen], K)[:, :2] - pixels, axis=1)
    side = float(np.ptp(pixels, axis=0).max()) if seen.any() else 0.0
    if seen.any() and np.median(offset) > PROJECTION * max(side, 1.0):
        return [('camera', f'the 3D keypoints project {np.median(offset):.1f} px (median) from the 2D keypoints: '
                 'another camera, unit or frame?')]
    return []
