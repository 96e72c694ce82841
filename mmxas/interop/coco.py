"""Read and write COCO's keypoint annotations, the format of mmpose's data sets, SLEAP and many others.

What COCO cannot represent (depths, hypotheses, confidences, x without y) is stored in additional entries of an
annotation, which other readers ignore. Shapes: N poses, H hypotheses, K keypoints, D coordinates.
"""
from pathlib import Path

import numpy as np

from mmxas.io import named_when_broken, read_json
from mmxas.io.regular_files import to_json

from .keypoint_table import KeypointTable, repeated

OWN = ('id', 'image_id', 'category_id', 'keypoints', 'num_keypoints', 'bbox', 'hypotheses', 'individual')
BODY = dict(id=1, name='body')


def read_coco(path: str | Path) -> KeypointTable:
    """Read keypoint annotations.

    Args:
        path: ``.json`` file with ``images``, ``annotations`` and categories; all categories must have the same
            keypoints.

    Returns:
        Keypoints of visibility 0, all keypoints of an annotation without any, and boxes without an area
        are unknown. Depths and hypotheses are read if :func:`write_coco` wrote them. All other entries of an
        annotation, such as ``iscrowd``, ``track_id``, ``segmentation`` and its category, are in ``extras``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has another format, its categories differ in their keypoints, its skeleton links a keypoint
            that does not exist, or an annotation has the wrong number of values or names a missing image; the message
            names it.
    """
    content, poses = read_json(path, ['images', 'annotations', 'categories']), []
    with named_when_broken(path, "not COCO's keypoint format", 'docs/exchange.md says what is expected'):
        bodies = [kind for kind in content['categories'] if kind.get('keypoints')]
        if len({tuple(kind['keypoints']) for kind in bodies}) != 1:
            raise ValueError(f'{path}: {len(bodies)} categories with keypoints; expected one, or equal keypoints')
        names, annotations, info = tuple(bodies[0]['keypoints']), content['annotations'], content.get('info') or {}
        kinds = {kind['id']: dict(keypoints=[], skeleton=[]) | kind for kind in content['categories']}
        files = {image['id']: str(image['file_name']).replace('\\', '/') for image in content['images']}
        if twice := repeated(str(image['id']) for image in content['images']) or repeated(files.values()):
            raise ValueError(f'{path}: two of its images have the id or file_name {twice!r}; keep one, or rename it')
        for one in annotations:
            with named_when_broken(f'{path}: annotation {one.get("id")}', 'wrong image, box or keypoints', 'fix it'):
                x, y, width, height = map(float, one.get('bbox') or [np.nan] * 4)
                who = one.get('individual', one.get('track_id'))
                poses.append((files[one['image_id']], (x, y, x + width, y + height), '' if who is None else str(who),
                              *_hypotheses(one, len(names))))
        if len({(scorers, points.shape) for *_, scorers, points, _ in poses}) > 1:
            raise ValueError(f'{path}: its annotations have hypotheses of different scorers or coordinates')
        images, boxes, individuals, scorers, points, scores = zip(*poses, strict=True) if poses else (
            (), np.zeros((0, 4)), (), ((),), np.zeros((0, 1, len(names), 2)), np.zeros((0, 1, len(names))))
        return KeypointTable(
            names, images, np.array(points), None if np.isnan(scores).all() else np.array(scores),
            individuals, scorers[0], _links(bodies[0], path), tuple(info.get('units', ())), np.array(boxes, float),
            {files[image['id']]: (int(image['width']), int(image['height'])) if image.get('width')
             and not image.get('size_is_estimated') else None for image in content['images']},
            bodies={who: tuple(parts) for who, parts in info.get('bodies', {}).items() if {*parts} <= {*names}},
            extras=tuple({**{key: value for key, value in one.items() if key not in OWN},
                          'category': kinds.get(one.get('category_id'), BODY)} for one in annotations))


def write_coco(table: KeypointTable, path: str | Path) -> None:
    """Write keypoint annotations; ``keypoints`` holds x, y and visibility (2 known, 0 unknown) of the first hypothesis.

    Depths, several hypotheses, confidences, scorers and keypoints with only x or only y are written to ``hypotheses``
    of an annotation: a list of ``scorer``, ``keypoints`` (K x D numbers, null where unknown) and ``scores``. An unknown
    box becomes the box around the keypoints with a margin of 1 px. An unknown image size is replaced by one that
    contains all boxes of the image, marked by ``size_is_estimated``.
    """
    points = table.keypoints[:, 0, :, :2]
    known, partly = (test(np.isfinite(points), axis=-1) for test in (np.all, np.any))
    boxes, annotations = _boxes(table, known), []
    sizes = {file: size or (1, 1) for file, size in table.sizes.items()}
    plain = table.scores is None and table.keypoints.shape[1::2] == (1, 2) and table.scorers == ('mmxas',) and \
        (known == partly).all()  # `keypoints` cannot hold x or y alone
    number = {file: place for place, file in enumerate(sizes, 1)}
    for pose, (image, extras, (x0, y0, x1, y1)) in enumerate(zip(table.images, table.extras, boxes.tolist())):
        flat = np.where(known[pose, :, None], np.insert(points[pose], 2, 2, axis=1), 0)
        one = dict(id=pose + 1, image_id=number[image], category_id=extras.get('category', BODY)['id'], iscrowd=0,
                   num_keypoints=int(known[pose].sum()), bbox=[x0, y0, x1 - x0, y1 - y0], area=(x1 - x0) * (y1 - y0),
                   keypoints=flat.reshape(-1).tolist(), individual=table.individuals[pose])
        if table.sizes[image] is None:
            sizes[image] = np.maximum(sizes[image], np.ceil((x1 + 1, y1 + 1)))
        if table.scores is not None and np.isfinite(table.scores[pose, 0]).any():
            one['score'] = float(np.nanmean(table.scores[pose, 0]))
        if not plain:
            one['hypotheses'] = [dict(scorer=scorer, keypoints=_numbers(table.keypoints[pose, h]))
                                 | ({} if table.scores is None else dict(scores=_numbers(table.scores[pose, h])))
                                 for h, scorer in enumerate(table.scorers)]
        annotations.append({key: value for key, value in (one | dict(extras)).items() if key != 'category'})
    kinds = {kind['id']: kind for kind in (extras.get('category', BODY) for extras in table.extras or [{}])}
    body = dict(keypoints=list(table.names), skeleton=[[a + 1, b + 1] for a, b in table.links])
    content = dict(info=dict(description='keypoints written by mmxas', units=table.units, bodies=dict(table.bodies)),
                   images=[dict(id=number[file], file_name=file, width=int(width), height=int(height),
                                size_is_estimated=not table.sizes[file]) for file, (width, height) in sizes.items()],
                   categories=[kind | (body if kind.get('keypoints', True) else {}) for kind in kinds.values()],
                   annotations=annotations)
    Path(path).write_text(to_json(content), encoding='utf-8')


def _boxes(table: KeypointTable, known: np.ndarray) -> np.ndarray:
    """Return boxes (N, 4): the table's if it has an area, else around the known keypoints (N, K), else zeros."""
    low, high = (np.where(known[..., None], table.keypoints[:, 0, :, :2], fill) for fill in (np.inf, -np.inf))
    around = np.where(known.any(1, keepdims=True), np.concatenate([low.min(1) - 1, high.max(1) + 1], 1), 0)
    given = np.full(around.shape, np.nan) if table.boxes is None else table.boxes
    return np.where((given[:, 2:] > given[:, :2]).all(1, keepdims=True), given, around)


def _numbers(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.reshape(-1).tolist()]


def _links(category: dict, path: str | Path) -> tuple[tuple[int, int], ...]:
    """Return a skeleton's links, counted from 0; the file counts from 1, or from 0 if it contains a 0."""
    links = np.array(category.get('skeleton') or (), int).reshape(-1, 2)
    first, count = int(0 not in links), len(category['keypoints'])
    if not ((first <= links) & (links < first + count)).all():
        raise ValueError(f'{path}: its skeleton links keypoints {links.min()} to {links.max()}, 1 to {count} expected')
    return tuple(map(tuple, (links - first).tolist()))


def _hypotheses(annotation: dict, count: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return H scorers, keypoints (H, K, D) and scores (H, K) of an annotation."""
    flat = np.array(annotation.get('keypoints') or [0] * 3 * count, float).reshape(count, 3)
    plain = dict(scorer='mmxas', keypoints=np.where(flat[:, 2:] > 0, flat[:, :2], np.nan))
    given = annotation.get('hypotheses') or [plain]
    points, scores = (np.array(values, float) for values in (
        [one['keypoints'] for one in given], [one.get('scores', [None] * count) for one in given]))
    return tuple(str(one['scorer']) for one in given), points.reshape(len(given), count, -1), scores.reshape(-1, count)
