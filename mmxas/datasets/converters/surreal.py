"""Convert SURREAL (mp4, _info.mat, _segm.mat) to shards of synthetic pairs for ``SyntheticPairDataset``."""
from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log
from tqdm import tqdm

from mmxas.body_models import SMPLBodyModel
from mmxas.datasets.transforms.loading import ON_ERROR
from mmxas.io import VideoReader
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import BODY_MODELS
from mmxas.synthesis.shards import (
    PairWriter,
    SetMeta,
    SyntheticPair,
    encode,
    fingerprint,
    pack,
    read_meta,
    shard_path,
)

from .surreal_clip import (
    GENDERS,
    ClipInfo,
    cut_pair,
    keypoints_off_mask,
    pose_bodies,
    read_info,
    read_mask,
    root_rotations,
)

PROGRESS = 'progress.json'
NOBODY, OFF_CENTRE, OFF_MASK = 'nobody in the frame', 'off the centre or cut off', 'keypoints off the mask'
UNREADABLE = 'clips that cannot be read'


@dataclass(frozen=True)
class SurrealOptions:
    """Selection and cropping of frames; the defaults are those of the released code.

    Args:
        num_clips: Number of clips to draw; all of them if there are fewer, or for None.
        per_clip: Frames to draw per clip, None for all. (The released code may draw a frame twice.)
        centre_px: Largest distance of the pelvis from the image's centre along x and y; also requires all joints inside
            the image but not in its leftmost eighth. None for no such filter.
        max_off_mask: Leave out frames with more keypoints than this off the mask; None for no such filter.
        exclude: Leave out clips whose path contains this text; '' for none.
        mirror: Mirror the images, which show mirrored bodies, so that left and right are correct. The released code
            does not mirror and thus swaps left and right keypoints.
        image_size: Side of a pair's image in px.
        box_mm: Side of the crop around the root, mm.
        seed: Seed of the draws.
        shard_size: Pairs per file.
        quality: Quality of the JPEG images.
    """

    num_clips: int | None = 20000
    per_clip: int | None = 5
    centre_px: float | None = 10.0
    max_off_mask: int | None = 4
    exclude: str = 'ung_'
    mirror: bool = True
    image_size: int = 256
    box_mm: float = 2000.0
    seed: int = 0
    shard_size: int = 256
    quality: int = 95


@dataclass
class _State:
    """Progress of a conversion, written to ``progress.json`` after each shard."""

    clip: int = 0  # the current clip
    skip: int = 0  # number of its pairs already written
    shards: int = 0
    left_out: Counter = field(default_factory=Counter)  # before that clip


def convert(source: str | Path, out: str | Path, options: SurrealOptions | None = None,
            body_model: Mapping[str, Any] | None = None, on_error: str = 'raise') -> dict[str, Any]:
    """Convert the clips below a folder, with a progress bar.

    A second run changes nothing; an interrupted run resumes after its last shard.

    Args:
        source: Folder such as ``SURREAL/data/cmu/train``, searched for ``*_info.mat``.
        out: Folder of the shards.
        options: See :class:`SurrealOptions`. Defaults to the released code's.
        body_model: Config of the body model, to which the gender is added. Defaults to the official SMPL. Keypoints of
            other models do not match the images; they are for tests only.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out clips with a missing or broken file. Defaults
            to ``'raise'``.

    Returns:
        ``num``, the number of pairs; ``clips``; ``left_out``, the number of frames (and clips) by reason, which
        is also in ``meta.json``.

    Raises:
        FileNotFoundError: There is no clip in ``source``, or no body model.
        OSError: A file of a clip is missing or broken, under ``on_error='raise'``.
        ValueError: ``out`` holds another set, no frame is left, or ``on_error`` is unknown.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
    options, source, out = options or SurrealOptions(), Path(source), Path(out)
    clips = find_clips(source, options)
    config = dict(body_model or dict(type='SMPLBodyModel', model_path='official'))
    bodies = [BODY_MODELS.build({**config, 'gender': gender}).eval() for gender in GENDERS]
    content = {'type': 'SURREAL', 'clips': len(clips), 'files': _digest(source, clips), **asdict(options)}
    mark = fingerprint(content, options.seed, options.shard_size, options.quality,
                       [Path(body.model_path) for body in bodies])
    report = _finished(out, mark)
    return report or _convert(clips, source, out, bodies, options, on_error, content, mark)


def find_clips(source: Path, options: SurrealOptions) -> list[Path]:
    """List the ``_info.mat`` files to convert, in order.

    Raises:
        FileNotFoundError: There is none.
    """
    found = sorted(path for path in source.rglob('*_info.mat') if not path.name.startswith('._')  # of macOS
                   and (not options.exclude or options.exclude not in str(path.relative_to(source))))
    if not found:
        raise FileNotFoundError(f'{source}: no clip in this folder or below it; expected files such as '
                                'run0/01_01/01_01_c0001_info.mat with _segm.mat and .mp4')
    if options.num_clips is None or options.num_clips >= len(found):
        return found
    chosen = np.random.default_rng(options.seed).choice(len(found), options.num_clips, replace=False)
    return [found[i] for i in np.sort(chosen)]


def clip_pairs(path: Path, name: str, bodies: Sequence[SMPLBodyModel], options: SurrealOptions,
               left_out: Counter) -> Iterator[SyntheticPair]:
    """Yield the pairs of a clip, and count the frames that are left out.

    Args:
        path: Its ``_info.mat``.
        name: Name of the clip in the pairs; it also seeds the draw of its frames.
        bodies: Body models by gender, female and male.
        options: See :class:`SurrealOptions`.
        left_out: Counts by reason; updated in place.

    Yields:
        The pairs in frame order.

    Raises:
        OSError: A file is missing or broken.
    """
    info = read_info(path)
    frames = _draw(info, name, options, left_out)
    if not len(frames):
        return
    video = VideoReader(_beside(path, '.mp4'))
    if len(video) < frames[-1] + 1:
        raise OSError(f'{video.path}: {len(video)} frames, but its annotations are of {len(info)}')
    body = pose_bodies(bodies[info.gender], info, frames, options.mirror)
    poses = np.concatenate([root_rotations(info, frames)[:, None], info.pose[frames, 1:]], axis=1)
    for i, frame in enumerate(frames.tolist()):
        mask = read_mask(_beside(path, '_segm.mat'), frame)
        if mask is None or not mask.any():
            left_out[NOBODY] += 1
            continue
        image = _as_seen(video.read(frame, 'bgr24'), options)
        pair = cut_pair(image, _as_seen(mask, options), body.vertices[i], body.keypoints[i], options.image_size,
                        options.box_mm)
        if pair is None or (options.max_off_mask is not None and keypoints_off_mask(
                pair.keypoints_cam, pair.K, pair.mask) > options.max_off_mask):
            left_out[OFF_MASK] += 1
            continue
        yield dataclasses.replace(
            pair, clip=name, frame=frame, yaw=float(info.zrot[frame]), body=info.gender,
            pose=poses[i].astype(np.float32), betas=info.betas[frame].astype(np.float32))


def _draw(info: ClipInfo, name: str, options: SurrealOptions, left_out: Counter) -> np.ndarray:
    """Return the indices of the frames to consider, in order."""
    somebody = info.joints3d.any(axis=(1, 2))
    left_out[NOBODY] += int((~somebody).sum())
    good = somebody
    if options.centre_px is not None:
        pelvis, x, y = info.joints2d[:, 0], info.joints2d[..., 0], info.joints2d[..., 1]
        centred = (abs(pelvis - [160, 120]) <= options.centre_px).all(axis=-1)
        inside = ((x >= 40) & (x <= 320) & (y >= 0) & (y <= 240)).all(axis=-1)
        good = somebody & centred & inside
        left_out[OFF_CENTRE] += int((somebody & ~good).sum())
    frames = np.flatnonzero(good)
    if options.per_clip is None or options.per_clip >= len(frames):
        return frames
    rng = np.random.default_rng([options.seed, zlib.crc32(name.encode())])
    return np.sort(rng.choice(frames, options.per_clip, replace=False))


def _convert(clips: Sequence[Path], source: Path, out: Path, bodies: Sequence[SMPLBodyModel], options: SurrealOptions,
             on_error: str, content: dict, mark: str) -> dict[str, Any]:
    state = _resume(out, mark)
    left_out, pending = Counter(state.left_out), []
    for number in tqdm(range(state.clip, len(clips)), desc='surreal', unit='clip', initial=state.clip,
                       total=len(clips)):
        before, made = Counter(left_out), []
        name = clips[number].relative_to(source).as_posix().removesuffix('_info.mat')
        try:
            pairs = clip_pairs(clips[number], name, bodies, options, left_out)
            made = [encode(pair, options.quality) for pair in pairs]
        except OSError as error:
            if on_error == 'raise':
                raise
            left_out = before + Counter({UNREADABLE: 1})
            print_log(f'{name} is left out: {error}', 'current', logging.WARNING)
        skip = state.skip if number == state.clip else 0
        pending += made[skip:]
        while len(pending) >= options.shard_size:
            shard, pending = pending[:options.shard_size], pending[options.shard_size:]
            _write_shard(out, state.shards, shard)
            state = _State(number, len(made) - len(pending), state.shards + 1, before)
            _save(out, state, mark)
    num = state.shards * options.shard_size + len(pending)
    if num == 0:
        raise ValueError(f'{source}: no frame of {len(clips)} clips is left; left out: {dict(+left_out)}')
    if pending:
        _write_shard(out, state.shards, pending)
    PairWriter(out, SetMeta(num, options.shard_size, options.seed, options.quality, mark,
                            {**content, 'left_out': dict(+left_out)}))
    (out / PROGRESS).unlink(missing_ok=True)
    return {'num': num, 'clips': len(clips), 'left_out': dict(+left_out)}


def _finished(out: Path, mark: str) -> dict[str, Any] | None:
    """Return the report of a finished conversion, or None.

    Raises:
        ValueError: The folder holds another set.
    """
    meta = read_meta(out, missing_ok=True)
    if meta is None:
        return None
    writer = PairWriter(out, dataclasses.replace(meta, fingerprint=mark))  # raises for another set
    if writer.missing():
        (out / 'meta.json').unlink()
        return None
    return {'num': meta.num, 'clips': meta.generator['clips'], 'left_out': meta.generator['left_out']}


def _resume(out: Path, mark: str) -> _State:
    path = out / PROGRESS
    if not path.is_file():
        return _State()
    saved = json.loads(path.read_text(encoding='utf-8'))
    if saved.pop('fingerprint') != mark:
        raise ValueError(f'{out}: holds the beginning of another conversion; choose another folder or remove this one')
    state = _State(**saved)
    state.left_out = Counter(state.left_out)
    return state


def _save(out: Path, state: _State, mark: str) -> None:
    text = json.dumps({**asdict(state), 'left_out': dict(state.left_out), 'fingerprint': mark})
    write_atomically(out / PROGRESS, lambda file: file.write(text.encode()))


def _write_shard(out: Path, number: int, encoded: Sequence[dict]) -> None:
    arrays = pack(encoded)
    write_atomically(shard_path(out, number), lambda file: np.savez(file, **arrays))


def _as_seen(image: np.ndarray, options: SurrealOptions) -> np.ndarray:
    return cv2.flip(image, 1) if options.mirror else image


def _beside(info: Path, ending: str) -> Path:
    return info.with_name(info.name.removesuffix('_info.mat') + ending)


def _digest(source: Path, clips: Sequence[Path]) -> str:
    """Return a digest of the selected files' names and sizes."""
    digest = hashlib.sha256()
    for path in clips:
        for file in (path, _beside(path, '.mp4'), _beside(path, '_segm.mat')):
            size = file.stat().st_size if file.is_file() else -1
            digest.update(f'{file.relative_to(source).as_posix()} {size}\n'.encode())
    return digest.hexdigest()[:16]
