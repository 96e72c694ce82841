"""Write one interactive HTML file with the poses of photos or a video; it needs no server or network.

N: instances, H: hypotheses, K: keypoints.
"""
from __future__ import annotations

import base64
import html
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.io import VIDEOS, VideoReader, named_when_broken
from mmxas.io.atomic_writes import write_whole
from mmxas.io.images import UnreadableImageError, decode_image, read_image

MAX_BYTES = 25_000_000
# Shorter side in px, format and quality of the images, from the finest to the coarsest; the first that fits is taken.
# WebP takes half the bytes of JPEG where they are coarse, and ten times as long.
STEPS = ((720, 'jpeg', 80), (600, 'jpeg', 75), (480, 'jpeg', 70), (480, 'webp', 50), (420, 'webp', 40),
         (360, 'webp', 30), (320, 'webp', 20), (280, 'webp', 20), (240, 'webp', 20), (200, 'webp', 20))
_QUALITY = dict(jpeg=cv2.IMWRITE_JPEG_QUALITY, webp=cv2.IMWRITE_WEBP_QUALITY)
_DATA = Path(__file__).with_name('data')
KIND = 'not a pose record of mmxas infer', 'leave it out'


@dataclass(frozen=True)
class PageFrame:
    """One image of the page and its poses.

    Attributes:
        record: What :func:`mmxas.apis.pose_record.pose_record` returns. An instance may also have an ``identity``, a
            number that is the same for a body in all frames, and a ``path``, (K,): the hypothesis of each keypoint
            that was selected over time, -1 for none.
        image: (h, w, 3) uint8 BGR, the bytes of an image file, the path of one, ``'clip.mp4:7'`` for frame 7 of a
            video, or None: the page shows only the poses.
        name: Name shown on the page.
        time: Seconds since the beginning of the video; None for photos.
        source: Name used in messages, such as the record's file. Defaults to the name.
    """

    record: Mapping[str, Any]
    image: np.ndarray | bytes | str | Path | None = None
    name: str = ''
    time: float | None = None
    source: str = ''


@dataclass(frozen=True)
class PosePage:
    """A page that a notebook displays.

    Attributes:
        html: The whole page.
        height: Height of its frame in the notebook, in px.
    """

    html: str
    height: int = 760

    def _repr_html_(self) -> str:
        return (f'<iframe srcdoc="{html.escape(self.html)}" style="width: 100%; height: {self.height}px; border: 0" '
                'title="3D poses"></iframe>')


def write_page(frames: Iterable[PageFrame], path: str | Path, title: str = 'Poses', max_bytes: int = MAX_BYTES,
               notice: str = '', count: int = 1) -> Path:
    """Write one self-contained HTML file that shows frames and their poses.

    Images are embedded as JPEG or WebP at the best quality that fits into ``max_bytes``: see ``STEPS``. An image that
    cannot be read, or whose size differs from its record, is left out with a warning that names it.

    Args:
        frames: At least one, all with the same skeleton; times, if given, must increase. An iterator is read once, and
            at most ``max_bytes`` of its images are kept in memory.
        path: The file; it is written completely or not at all.
        title: Heading of the page. Defaults to ``'Poses'``.
        max_bytes: Maximum size of the file. Defaults to 25 MB.
        notice: Text at the foot of the page, such as the licence of the images. Defaults to none.
        count: Expected number of frames, to choose the image quality in advance. Defaults to 1: unknown.

    Returns:
        The path.

    Raises:
        ValueError: There is no frame, a record is incomplete or has another skeleton than the first, times do not
            increase, or the frames do not fit into ``max_bytes`` even at the lowest quality.
    """
    return write_whole(path, _page(frames, title, max_bytes, notice, count).encode())


def show_poses(record: Mapping[str, Any], image: np.ndarray | bytes | str | Path | None = None) -> PosePage:
    """Return the page of one image, which a notebook displays.

    Args:
        record: What :func:`mmxas.apis.pose_record.pose_record` returns.
        image: As in :class:`PageFrame`. Defaults to None: the file that the record names, if it exists.

    Raises:
        ValueError: The record is incomplete.
    """
    name = Path(record.get('image') or 'image').name
    return PosePage(_page([PageFrame(record, record.get('image') if image is None else image, name)], name))


def _page(frames: Iterable[PageFrame], title: str, max_bytes: int = MAX_BYTES, notice: str = '',
          count: int = 1) -> str:
    """Return the page's HTML; arguments and errors as in :func:`write_page`."""
    parts = dict(title=html.escape(title), notice=html.escape(notice), css=_text('page.css'),
                 three=_text('three.min.js'), js=_text('page.js'))
    template = _text('page.html')
    pictures = _Pictures(max_bytes - len(template) - sum(map(len, parts.values())) - 1000, count)
    first, entries = None, []
    for number, frame in enumerate(frames):
        name = frame.name or f'frame {number}'
        source = frame.source or name
        with named_when_broken(source, *KIND):
            entry = dict(name=name, time=frame.time, **_entry(frame.record))
            skeleton = _skeleton(frame.record['skeleton'])
        first = first or (source, skeleton)
        if skeleton != first[1]:
            raise ValueError(f'{source}: the skeleton {_named(skeleton)}, {_named(first[1])} in {first[0]}; make a '
                             'page of each')
        times = [one['time'] for one in (*entries[-1:], entry)]
        if None not in times and times != sorted(set(times)):
            raise ValueError(f'{source}: at {times[1]} s, after a frame at {times[0]} s; give frames in order of time')
        pictures.add(frame, name, len(_json(entry)))
        entries.append(entry)
    if first is None:
        raise ValueError('no frames: a page shows at least one')
    if pictures.missing:
        reasons = list(dict.fromkeys(pictures.missing))
        warnings.warn(f'{len(pictures.missing)} of {len(entries)} images left out, the page shows their poses alone: '
                      f'{"; ".join(reasons[:5])}{"; ..." * (len(reasons) > 5)}', stacklevel=3)
    for entry, data in zip(entries, pictures.encoded, strict=True):
        kind = 'webp' if data and data.startswith(b'RIFF') else 'jpeg'
        entry['image'] = data and f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
    parts['poses'] = _json(dict(skeleton=first[1], frames=entries))
    return re.sub(r'\{\{(\w+)\}\}', lambda found: parts[found[1]], template)


def _text(name: str) -> str:
    return (_DATA / name).read_text(encoding='utf-8')


def _json(content: Any) -> str:
    """Return JSON that is safe inside a script element."""
    return json.dumps(content, separators=(',', ':'), allow_nan=False).replace('<', '\\u003c')


def _skeleton(skeleton: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, keypoints, links, and the side of each keypoint: left, right or middle."""
    names = [str(name) for name in skeleton['keypoints']]
    links = [[int(a), int(b)] for a, b in skeleton.get('links') or ()]
    if any(not 0 <= index < len(names) for link in links for index in link):
        raise ValueError(f'links between {len(names)} keypoints expected, found {links}')
    return dict(name=skeleton.get('name'), keypoints=names, links=links, sides=[_side(name) for name in names])


def _side(name: str) -> str:
    words = re.split('[^a-z]+', name.lower())
    return next((side for side in ('left', 'right') if side in words), 'middle')


def _named(skeleton: Mapping[str, Any]) -> str:
    return f'{skeleton["name"]} of {len(skeleton["keypoints"])} keypoints'


def _entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a record that the page needs."""
    size, count = record['image_size'], len(record['skeleton']['keypoints'])
    return dict(size=[int(size['width']), int(size['height'])],
                instances=[_instance(one, index, count) for index, one in enumerate(record['instances'])])


def _instance(one: Mapping[str, Any], index: int, count: int) -> dict[str, Any]:
    """Return lists: ``xy`` (K, 2) px; per hypothesis ``score``, ``counts``, and (K,) ``depth``, ``scores``, ``valid``.

    If the record has them, also ``camera`` (H, K, 3) in mm, and ``path`` (K,). Without ``camera``, ``side`` is the
    crop's side in px.
    """
    hypotheses = one['hypotheses']
    points = _array([pose['keypoints'] for pose in hypotheses], (len(hypotheses), count, 3))
    scores = _array([pose['keypoint_scores'] for pose in hypotheses], (len(hypotheses), count))
    in_mm, (x0, _, x1, _) = one['depth_unit'] == 'mm', one['crop']
    entry = dict(
        identity=one.get('identity'), number=int(one.get('identity', index)), xy=_rounded(points[0, :, :2], 1),
        box=_rounded(_array(one['bbox'], (4,)), 1), unit='mm' if in_mm else 'crop', hypotheses=[
            dict(score=round(float(pose['score']), 4), counts=bool(pose['counts']),
                 depth=_rounded(depth, 0 if in_mm else 4), scores=_rounded(score, 3),
                 valid=[int(flag) for flag in pose['valid']])
            for pose, depth, score in zip(hypotheses, points[:, :, 2], scores, strict=True)])
    if in_mm:
        entry['camera'] = _rounded(_array([pose['keypoints_camera_mm'] for pose in hypotheses], points.shape), 0)
    else:
        entry['side'] = float(x1) - float(x0)
    if one.get('path') is not None:
        entry['path'] = [int(choice) for choice in one['path']]
        if len(entry['path']) != count or not -1 <= min(entry['path']) <= max(entry['path']) < len(hypotheses):
            raise ValueError(f'path: {count} numbers from -1 to {len(hypotheses) - 1} expected, found {one["path"]}')
    return entry


def _array(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return values as finite numbers of a shape."""
    array = np.asarray(values, dtype=float)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f'finite numbers of shape {shape} expected, shape {array.shape} found')
    return array


def _rounded(values: np.ndarray, digits: int) -> list:
    rounded = values.round(digits)
    return (rounded if digits else rounded.astype(int)).tolist()


class _Pictures:
    """Encoded images of a page; together with the poses, they stay below ``max_bytes``."""

    def __init__(self, max_bytes: int, count: int) -> None:
        self._count = count
        self.encoded: list[bytes | None] = []
        self.missing: list[str] = []
        self._room, self._step = max_bytes, 0
        self._clip, self._video = '', None

    def add(self, frame: PageFrame, name: str, others: int) -> None:
        """Add an image, and reduce the quality of all if they do not fit; ``others`` is the size of its poses."""
        image, size = None, frame.record['image_size']
        try:
            image = self._read(frame.image, name)
        except (UnreadableImageError, IndexError) as error:
            self.missing.append(str(error))
        if image is not None and image.shape[:2] != (size['height'], size['width']):
            self.missing.append(f'{name}: {image.shape[1]} x {image.shape[0]} px, {size["width"]} x {size["height"]} '
                                'where the poses were found')
            image = None
        if image is not None and not any(self.encoded):
            fair = 1.3 * max(self._room / self._count - others, 1)  # the first image may be larger than the others
            sizes = (len(_encode(image, step)) * 4 / 3 for step in range(len(STEPS)))
            self._step = next((step for step, size in enumerate(sizes) if size < fair), len(STEPS) - 1)
        self.encoded.append(None if image is None else _encode(image, self._step))
        self._room -= others + 60
        while sum(len(data) * 4 / 3 + 4 for data in self.encoded if data) > self._room:
            self._step += 1
            if self._step == len(STEPS):
                raise ValueError(f'{name}: the first {len(self.encoded)} frames alone fill a page of the size that is '
                                 'allowed; show fewer frames (mmxas view --every 2), or raise max_bytes (--max-mb)')
            self.encoded = [data and _encode(decode_image(data, name), self._step) for data in self.encoded]

    def _read(self, image: np.ndarray | bytes | str | Path | None, name: str) -> np.ndarray | None:
        """(h, w, 3) uint8 BGR."""
        if image is None or isinstance(image, np.ndarray):
            return image
        if isinstance(image, bytes):
            return decode_image(image, name)
        clip, _, number = str(image).rpartition(':')
        if not clip.lower().endswith(VIDEOS) or not number.isdecimal():
            return read_image(image)
        if clip != self._clip:
            self._clip = clip
            try:
                self._video = VideoReader(clip)
            except UnreadableImageError as error:
                self._video = error
        if isinstance(self._video, UnreadableImageError):
            raise self._video
        return self._video.read(int(number), 'bgr24')


def _encode(image: np.ndarray, step: int) -> bytes:
    """Return the bytes of an image, with the shorter side limited by the step."""
    side, kind, quality = STEPS[step]
    scale = side / min(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(f'.{kind}', image, [_QUALITY[kind], quality])[1].tobytes()
