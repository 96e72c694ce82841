"""COCO's keypoint annotations, which mmpose's data sets, SLEAP and many others read.

What COCO has no place for (depths, hypotheses, confidences, x without y) stands in further entries of an annotation,
which other readers leave alone. Shapes: N poses, H hypotheses, K keypoints, D coordinates.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.apis.pose_record import to_json
from mmxas.safe_files import read_json
from mmxas.synthesis.shards import write_atomically

from .keypoint_table import KeypointTable


def read_coco(path: str | os.PathLike) -> KeypointTable:
    """Read keypoint annotations.

    Args:
        path: ``.json`` with ``images``, ``annotations`` and one category with keypoints.

    Returns:
        KeypointTable: Keypoints of visibility 0 are not known; depths and hypotheses where :func:`write_coco` wrote
        them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, its categories have other keypoints, or an annotation has too few numbers or an
            image that is not there; the annotation is named.
    """
    path = Path(path)
    content = read_json(path, ['images', 'annotations', 'categories'])
    try:
        category = _category(content, path)
        names = tuple(str(name) for name in category['keypoints'])
        files = {image['id']: str(image['file_name']) for image in content['images']}
        annotations = [one for one in content['annotations'] if 'keypoints' in one]
        poses = [_hypotheses(one, len(names), path) for one in annotations]
        units = tuple(content.get('info', {}).get('units', ()))
        images = tuple(_file(one, files, path) for one in annotations)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: not COCO\'s form of keypoints ({type(error).__name__}: {error})') from error
    keypoints, scores, scorers = _stacked(poses, len(names), path)
    boxes = [one.get('bbox') for one in annotations]
    return KeypointTable(
        names, images, keypoints, scores, individuals=tuple(str(one.get('individual', '')) for one in annotations),
        scorers=scorers, links=tuple((int(a) - 1, int(b) - 1) for a, b in category.get('skeleton') or ()),
        units=units if len(units) == keypoints.shape[-1] else (),
        boxes=_corners(boxes) if boxes and None not in boxes else None)


def write_coco(table: KeypointTable, path: str | os.PathLike) -> None:
    """Write keypoint annotations; ``keypoints`` is the first hypothesis, x, y and 2 for known, 0 for not.

    Depths, several hypotheses, confidences and keypoints of which only x or y is known go into ``hypotheses`` of an
    annotation: ``scorer``, ``keypoints`` (K x D numbers, null where not known) and ``scores`` each.
    """
    files = list(dict.fromkeys(table.images))
    number = {file: place + 1 for place, file in enumerate(files)}
    content = dict(
        info=dict(description='keypoints written by mmxas', units=list(table.units)),
        images=[dict(id=number[file], file_name=file) for file in files],
        categories=[dict(id=1, name='body', keypoints=list(table.names),
                         skeleton=[[a + 1, b + 1] for a, b in table.links])],
        annotations=[_annotation(table, pose, number[table.images[pose]]) for pose in range(len(table.images))])
    data = to_json(content).encode()
    write_atomically(Path(path), lambda file: file.write(data))


def _annotation(table: KeypointTable, pose: int, image: int) -> dict[str, Any]:
    points = table.keypoints[pose, 0, :, :2]
    known = np.isfinite(points).all(1)
    flat = np.where(known[:, None], np.column_stack([points, np.full(len(points), 2.0)]), 0.0)
    box = _box(points[known]) if table.boxes is None else table.boxes[pose]
    x, y, w, h = (float(value) for value in (*box[:2], *(box[2:] - box[:2])))
    out: dict[str, Any] = dict(id=pose + 1, image_id=image, category_id=1, iscrowd=0, num_keypoints=int(known.sum()),
                               bbox=[x, y, w, h], area=w * h, keypoints=flat.reshape(-1).tolist())
    if table.individuals[pose]:
        out['individual'] = table.individuals[pose]
    if table.scores is not None and np.isfinite(table.scores[pose, 0]).any():
        out['score'] = float(np.nanmean(table.scores[pose, 0]))
    half = (np.isfinite(points).any(1) & ~known).any()  # x or y alone, for which `keypoints` has no place
    if table.scores is not None or table.dims == 3 or table.num_hypotheses > 1 or half:
        out['hypotheses'] = [
            dict(scorer=scorer, keypoints=_numbers(table.keypoints[pose, h]),
                 **({} if table.scores is None else {'scores': _numbers(table.scores[pose, h])}))
            for h, scorer in enumerate(table.scorers)]
    elif table.scorers != ('mmxas',):
        out['scorer'] = table.scorers[0]
    return out


def _box(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(0), points.max(0)]) if len(points) else np.zeros(4)


def _numbers(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.reshape(-1).tolist()]


def _category(content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    found = [category for category in content['categories'] if category.get('keypoints')]
    if not found or any(category['keypoints'] != found[0]['keypoints'] for category in found):
        raise ValueError(f'{path}: {len(found)} categories with keypoints; one, or several with the same keypoints, '
                         'expected')
    return found[0]


def _file(annotation: Mapping[str, Any], files: Mapping[Any, str], path: Path) -> str:
    if annotation['image_id'] not in files:
        raise ValueError(f'{path}: annotation {annotation.get("id")} is of image {annotation["image_id"]}, which is '
                         'not among the images')
    return files[annotation['image_id']]


def _hypotheses(annotation: Mapping[str, Any], count: int, path: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Scorer, keypoints (K, D) and scores (K,) of each hypothesis of an annotation."""
    given = annotation.get('hypotheses')
    if given:
        return [_hypothesis(one, annotation, count, path) for one in given]
    flat = np.asarray(annotation['keypoints'], float).reshape(-1)
    if flat.size != 3 * count:
        raise ValueError(f'{path}: annotation {annotation.get("id")} has {flat.size} numbers of keypoints, {3 * count} '
                         f'expected for {count} keypoints')
    points = flat.reshape(count, 3)
    keypoints = np.where(points[:, 2:] > 0, points[:, :2], np.nan)
    return [(str(annotation.get('scorer', 'mmxas')), keypoints, np.full(count, np.nan))]


def _hypothesis(given: Mapping[str, Any], annotation: Mapping[str, Any], count: int,
                path: Path) -> tuple[str, np.ndarray, np.ndarray]:
    flat, scores = (np.array([np.nan if value is None else value for value in values], float)
                    for values in (given['keypoints'], given.get('scores', [None] * count)))
    if flat.size not in (2 * count, 3 * count) or scores.size != count:
        raise ValueError(f'{path}: a hypothesis of annotation {annotation.get("id")} has {flat.size} numbers of '
                         f'keypoints and {scores.size} scores, {2 * count} or {3 * count}, and {count}, expected')
    return str(given['scorer']), flat.reshape(count, -1), scores


def _stacked(poses: list[list[tuple[str, np.ndarray, np.ndarray]]], count: int,
             path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """(N, H, K, D), (N, H, K) or None, H scorers; the same scorers and coordinates in all poses."""
    if not poses:
        return np.zeros((0, 1, count, 2)), None, ()
    kinds = {(tuple(scorer for scorer, *_ in pose), tuple(points.shape for _, points, _ in pose)) for pose in poses}
    if len(kinds) > 1:
        raise ValueError(f'{path}: its annotations have hypotheses of different scorers or coordinates; the same '
                         'in all expected')
    scores = np.array([[one for *_, one in pose] for pose in poses])
    return (np.array([[points for _, points, _ in pose] for pose in poses]), None if np.isnan(scores).all() else scores,
            tuple(scorer for scorer, *_ in poses[0]))


def _corners(boxes: list) -> np.ndarray:
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
