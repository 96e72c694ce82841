"""Store synthetic pairs on disk: shards of encoded images and arrays, written atomically, read lazily.

``root/meta.json`` describes the set; ``root/pairs_00000.npz`` holds the pairs 0 … shard_size - 1, and so on.
"""
import hashlib
import json
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np

from mmxas.io import open_arrays
from mmxas.io.atomic_writes import write_atomically
from mmxas.io.images import decode_image

FORMAT = 1
COMMAND = '`mmxas synthesize CONFIG` (`python tools/synthesize.py CONFIG`)'  # what renders a set
IMAGES = ('image', 'mask')


@dataclass
class SyntheticPair:
    """A synthetic image with its labels.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        mask: (S, S) uint8, 0 or 255.
        keypoints_cam: (K, 3) float32 camera frame, mm; ``K`` projects them into the image.
        K: (3, 3) float32 intrinsics of this image in px; pixel p's centre is at coordinate p.
        bbox: (4,) float32 x0, y0, x1, y1 of the mask in px.
        clip: name of the motion clip; empty for a pose prior.
        frame: frame in the clip, -1 for a pose prior.
        yaw: rotation of the body about the vertical axis, radians.
        body: index of the body model in the generator's list.
        pose: (J, 3) float32 axis-angle.
        betas: (B,) float32.
    """

    image: np.ndarray
    mask: np.ndarray
    keypoints_cam: np.ndarray
    K: np.ndarray
    bbox: np.ndarray
    clip: str
    frame: int
    yaw: float
    body: int
    pose: np.ndarray
    betas: np.ndarray


ARRAYS = tuple(field.name for field in fields(SyntheticPair) if field.name not in IMAGES)


def encode(pair: SyntheticPair, quality: int) -> dict[str, Any]:
    """Replace the image by JPEG bytes and the mask by PNG bytes."""
    out = {name: getattr(pair, name) for name in ARRAYS}
    out['image'] = cv2.imencode('.jpg', pair.image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].reshape(-1)
    out['mask'] = cv2.imencode('.png', pair.mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].reshape(-1)
    return out


def pack(encoded: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return the arrays of one shard: flat bytes with offsets for images and masks, all else stacked."""
    out = {name: np.stack([np.asarray(e[name]) for e in encoded]) for name in ARRAYS}
    for name in IMAGES:
        out[name] = np.concatenate([e[name] for e in encoded])
        out[f'{name}_offset'] = np.cumsum([0] + [len(e[name]) for e in encoded])
    return out


def fingerprint(generator: dict[str, Any], seed: int, shard_size: int, quality: int,
                files: Sequence[Path] = (), versions: Mapping[str, int] | None = None) -> str:
    """Return a short digest of everything that determines the bytes of a set, except its length.

    Args:
        generator: config of the generator, in plain types.
        seed: seed of the set.
        shard_size: pairs per file.
        quality: quality of the JPEG images.
        files: data files; their contents matter, their locations do not.
        versions: versions of the components that have one. Defaults to none.
    """
    content = dict(generator=generator, seed=seed, shard_size=shard_size, quality=quality, format=FORMAT)
    text = json.dumps({**content, 'versions': dict(versions)} if versions else content, sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class SetMeta:
    """Content of ``meta.json``: length, shard size and origin of the set."""

    num: int
    shard_size: int
    seed: int
    quality: int
    fingerprint: str
    generator: dict[str, Any]

    @property
    def num_shards(self) -> int:
        """Return the number of shards."""
        return -(-self.num // self.shard_size)

    def shard_indices(self, shard: int) -> range:
        """Return the indices of the pairs of one shard."""
        return range(shard * self.shard_size, min(self.num, (shard + 1) * self.shard_size))


def shard_path(root: str | Path, shard: int) -> Path:
    """Return the path of one shard."""
    return Path(root) / f'pairs_{shard:05d}.npz'


def shard_length(path: Path) -> int:
    """Return the number of pairs in a shard file, 0 if it is missing or unreadable."""
    try:
        with open_arrays(path) as content:
            return len(content['frame'])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return 0


def missing_shards(root: str | Path, meta: SetMeta) -> list[int]:
    """Return the shards of a set that are missing, unreadable or too short."""
    return [shard for shard in range(meta.num_shards)
            if shard_length(shard_path(root, shard)) != len(meta.shard_indices(shard))]


def another_set(root: Path, found: SetMeta, expected: SetMeta) -> str:
    """Return the message that a folder holds pairs of another set than expected."""
    return (f'{root}: holds pairs of another configuration, of other data files or of an earlier version (fingerprint '
            f'{found.fingerprint}, seed {found.seed}; expected {expected.fingerprint}, seed {expected.seed}). Choose '
            f'another folder, or render the pairs again: `rm -r {root}`, then the same command again')


class PairWriter:
    """Write shards into a folder; raise if the folder holds pairs of another set.

    Args:
        root: the folder; created if missing.
        meta: the set; if the folder holds a longer one of the same configuration, that is kept.

    Raises:
        ValueError: the folder holds pairs of another configuration or seed.
    """

    def __init__(self, root: str | Path, meta: SetMeta) -> None:
        self.root, self.meta = Path(root), meta
        self.root.mkdir(parents=True, exist_ok=True)
        old = read_meta(self.root, missing_ok=True)
        if old is not None and old.fingerprint != meta.fingerprint and not any(self.root.glob('pairs_*.npz')):
            old = None  # a run that ended before its first pairs; nothing is lost
        if old is not None and old.fingerprint != meta.fingerprint:
            raise ValueError(another_set(self.root, old, meta))
        if old is not None and old.num > meta.num:
            self.meta = meta = old
        text = json.dumps(asdict(meta), indent=1, default=str)
        if old != meta:
            write_atomically(self.root / 'meta.json', lambda file: file.write(text.encode()))

    def remove_remains(self) -> None:
        """Delete the temporary files of an interrupted run. Only one run may write into a folder."""
        for path in self.root.glob('.*.tmp'):
            path.unlink(missing_ok=True)

    def missing(self) -> list[int]:
        """Return the shards that are missing, unreadable or too short."""
        return missing_shards(self.root, self.meta)

    def write(self, shard: int, encoded: Sequence[dict[str, Any]]) -> None:
        """Write one shard of encoded pairs atomically."""
        arrays = pack(encoded)
        write_atomically(shard_path(self.root, shard), lambda file: np.savez(file, **arrays))


def read_meta(root: str | Path, missing_ok: bool = False) -> SetMeta | None:
    """Read ``root/meta.json``.

    Raises:
        FileNotFoundError: the file does not exist, unless ``missing_ok``.
        ValueError: the file was not written by this version.
    """
    path = Path(root) / 'meta.json'
    if not path.is_file():
        if missing_ok:
            return None
        raise FileNotFoundError(f'{root}: no rendered pairs here (meta.json is missing); render them by {COMMAND}')
    try:
        return SetMeta(**json.loads(path.read_text()))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f'{path}: not a description of synthetic pairs ({error}); remove the folder') from error


def _arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return some arrays of a shard, or all.

    Raises:
        ValueError: the file is truncated or not a shard.
    """
    try:
        with open_arrays(path) as content:
            return {name: content[name] for name in (content.files if names is None else names)}
    except (BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise ValueError(f'{path}: a broken shard ({error}); remove it, and render it again by {COMMAND}') from error


class PairReader:
    """Read a set of pairs; images are decoded on access.

    Args:
        root: the folder.
        keep: number of shards whose encoded bytes are cached.

    Raises:
        FileNotFoundError: the folder has no set, or an incomplete one.
        ValueError: a shard is truncated; raised on access.
    """

    def __init__(self, root: str | Path, keep: int = 64) -> None:
        self.root, self.meta = Path(root), read_meta(root)
        absent = [s for s in range(self.meta.num_shards) if not shard_path(root, s).is_file()]
        if absent:
            raise FileNotFoundError(f'{root}: {len(absent)} of {self.meta.num_shards} shards are missing, the first is '
                                    f'{shard_path(root, absent[0]).name}; render them by {COMMAND}')
        self._keep = keep
        self._shards: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()
        self._annotations: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        """Number of pairs."""
        return self.meta.num

    @property
    def annotations(self) -> dict[str, np.ndarray]:
        """Return all arrays except the images, stacked over the set."""
        if self._annotations is None:
            parts = []
            for shard in range(self.meta.num_shards):
                parts.append(_arrays(shard_path(self.root, shard), ARRAYS))
            self._annotations = {name: np.concatenate([p[name] for p in parts]) for name in ARRAYS}
        return self._annotations

    def _shard(self, shard: int) -> dict[str, np.ndarray]:
        if shard not in self._shards:
            self._shards[shard] = _arrays(shard_path(self.root, shard))
            while len(self._shards) > self._keep:
                self._shards.popitem(last=False)
        self._shards.move_to_end(shard)
        return self._shards[shard]

    def __getitem__(self, index: int) -> SyntheticPair:
        """Return pair ``index``; negative indices count from the end.

        Raises:
            IndexError: the index is outside the set.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f'{self.root}: pair {index} of {len(self)}')
        number, place = divmod(int(index) % len(self), self.meta.shard_size)
        shard = self._shard(number)
        values: dict[str, Any] = {name: shard[name][place] for name in ARRAYS}
        for name, flag in (('image', cv2.IMREAD_COLOR), ('mask', cv2.IMREAD_GRAYSCALE)):
            low, high = shard[f'{name}_offset'][place:place + 2]
            where = f'{shard_path(self.root, number)}: {name} {place}'
            values[name] = decode_image(shard[name][low:high].tobytes(), where, flag)
        values.update(clip=str(values['clip']), frame=int(values['frame']), yaw=float(values['yaw']),
                      body=int(values['body']))
        return SyntheticPair(**values)


def export_pairs(root: str | Path, out: str | Path, num: int | None = None) -> int:
    """Export a folder of shards as ``images/000000.png``, ``masks/000000.png`` (0 and 255) and ``boxes.json``.

    Args:
        root: The folder of the shards.
        out: The target folder; existing files are overwritten with the same bytes.
        num: At most this many pairs, evenly spread. Defaults to None: all.

    Returns:
        Number of pairs written; pairs without a body in the image are left out.

    Raises:
        FileNotFoundError: The folder has no pairs.
        ValueError: ``num`` is below 1.
    """
    if num is not None and num < 1:
        raise ValueError(f'num={num}: expected at least 1')
    pairs, out, boxes = PairReader(root), Path(out), {}
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(num or len(pairs), len(pairs))).round().astype(int))
    for index in chosen.tolist():
        pair = pairs[index]
        if not (pair.bbox[2:] > pair.bbox[:2]).all():
            continue
        name = f'{index:06d}.png'
        for folder, pixels in (('images', pair.image), ('masks', (pair.mask > 127).astype(np.uint8) * 255)):
            data = cv2.imencode('.png', pixels)[1].tobytes()
            write_atomically(out / folder / name, lambda file, data=data: file.write(data))
        boxes[name] = [float(value) for value in pair.bbox]
    text = json.dumps(boxes, indent=1)
    write_atomically(out / 'boxes.json', lambda file: file.write(text.encode()))
    return len(boxes)
