"""Data sets of rendered images: synthetic pairs, and the built-in target domain."""
from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.datasets.transforms.loading import SkipCounter
from mmxas.io import read_json
from mmxas.io.atomic_writes import write_atomically
from mmxas.io.shipped_files import find_shipped
from mmxas.processes import usable_cpus
from mmxas.registry import DATASETS
from mmxas.structures import Skeleton
from mmxas.synthesis.shards import PairReader, SyntheticPair

from .xas_dataset import XASDataset

ONE_SHARD = 256
SPLITS_FILE = Path(__file__).parents[1] / 'data' / 'mocap_human_splits.json'


@dataclass
class RenderedPart:
    """One folder of rendered pairs.

    Args:
        name: Prefix of the names of its samples.
        root: The folder, or None to render pairs on access.
        generator: Config of the generator, to render missing pairs. Defaults to None.
        num: Number of pairs. Defaults to None: all existing ones.
    """

    name: str
    root: str | None
    generator: dict | None = None
    num: int | None = None


@DATASETS.register_module()
class RenderedPairDataset(XASDataset):
    """Images, masks and labels rendered by a pair generator.

    They are read from shards in ``data_root``, which :meth:`render_missing` creates if ``generator`` is given. Training
    and ``tools/test.py`` call it for all data sets of a config first
    (:func:`mmxas.datasets.rendered_sets.prepare_sets`); building a data set renders nothing. Without ``data_root``
    pairs are rendered on access.

    Args:
        data_root: Folder of the shards, or None to render on the fly. Defaults to None.
        generator: Config of the pair generator; its skeleton defaults to the data set's. Defaults to None: only read.
        num: Number of pairs; required with ``generator``. Defaults to None: all in the folder.
        seed: Seed of the rendering. Defaults to 0.
        workers: Number of processes of :meth:`render_missing`; 0, or a set of one shard, uses this process. Defaults to
            the number of CPUs available to this process.
        clips: Keep only pairs of these motion clips. Defaults to None: all.
        image_files: Write each image to ``data_root/images`` on access and set its path as ``img_path``, for mmpose's
            visualization hook. Defaults to None: in test mode only.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        FileNotFoundError: Pairs are missing; the message says how to render them.
        ValueError: No pair is left, the numbers of keypoints of pairs and skeleton differ, ``num`` is missing, or the
            folder holds pairs of another generator.
    """

    def __init__(self, data_root: str | None = None, generator: dict | None = None, num: int | None = None,
                 seed: int = 0, workers: int | None = None, clips: Sequence[str] | None = None,
                 image_files: bool | None = None, **kwargs: Any) -> None:
        self.generator, self.num, self.seed = _with_skeleton(generator, kwargs.get('skeleton')), num, seed
        self.workers = usable_cpus() if workers is None else workers
        self.clips = None if clips is None else tuple(clips)
        self.image_files = kwargs.get('test_mode', False) if image_files is None else image_files
        self._sources: list[Any] = []
        super().__init__(data_root=data_root, **kwargs)

    def rendered_parts(self) -> list[RenderedPart]:
        """Return the folders of the data set."""
        name = Path(self.data_root).name if self.data_root else 'rendered'
        return [RenderedPart(name, self.data_root, self.generator, self.num)]

    def render_missing(self) -> None:
        """Render missing pairs; if several processes call it, one renders and the others wait.

        Raises:
            ValueError: A folder holds pairs of another generator, or ``num`` is missing.
        """
        from mmxas.synthesis.synthesize import synthesize
        for part in self.rendered_parts():
            if part.generator is not None and part.root is not None:
                num = _number(part)
                synthesize(part.generator, part.root, num, self.workers if num > ONE_SHARD else 0, self.seed)

    def load_data_list(self) -> list[dict]:
        """List the pairs.

        Raises:
            FileNotFoundError: Pairs are missing; the message says how to render them.
            ValueError: No pair is left, or the numbers of keypoints of pairs and skeleton differ.
        """
        parts = self.rendered_parts()
        self._sources = [_open(part, self.seed) for part in parts]
        records = []
        for number, (part, source) in enumerate(zip(parts, self._sources, strict=True)):
            records += self._records(part, number, source)
        if not records:
            raise ValueError(f'{type(self).__name__}: no pairs in {[str(part.root) for part in parts]}'
                             + (f' of the clips {list(self.clips)}' if self.clips is not None else ''))
        return records

    def _records(self, part: RenderedPart, number: int, source: Any) -> list[dict]:
        count = len(source) if part.num is None else min(part.num, len(source))
        records = [{'id': i, 'part': number, 'index': i, 'sample_name': f'{part.name}/{i:06d}'} for i in range(count)]
        annotations = source.annotations
        if annotations is None:
            if self.clips is not None:
                raise ValueError('clips can be chosen from rendered shards only; give a data_root')
            return records
        self.check_keypoints(annotations['keypoints_cam'].shape[1], part.root)
        bbox, clips, frames = annotations['bbox'], annotations['clip'], annotations['frame']
        empty, kept = SkipCounter('mask'), []
        for record in records:
            i = record['index']
            record.update(clip=str(clips[i]), frame=int(frames[i]))
            if self.clips is not None and record['clip'] not in self.clips:
                continue
            if not (bbox[i, 2:] > bbox[i, :2]).all():
                empty.add(f'{record["sample_name"]} in {part.root}: the mask is all black')
                continue
            kept.append(record)
        return kept

    def get_data_info(self, idx: int) -> dict:
        """Return sample ``idx`` with its image and mask in memory, and labels only under ``with_labels``."""
        info = super().get_data_info(idx)
        pair: SyntheticPair = self._sources[info['part']][info['index']]
        info.update(img=pair.image, mask=pair.mask, clip=pair.clip, frame=pair.frame, box_source=self.box,
                    bbox_score=np.ones(1, dtype=np.float32))
        if self.box == 'root':
            info['bbox'] = self.root_bbox(pair.keypoints_cam[self.skeleton.root], pair.K)
        else:
            info['bbox'] = np.asarray(pair.bbox, dtype=np.float32)[None]
        if self.with_labels:
            info.update(self.labels(pair.keypoints_cam, pair.K))
        if self.image_files and self._sources[info['part']].root is not None:
            info['img_path'] = _image_file(self._sources[info['part']].root, info['index'], pair.image)
        return info


@DATASETS.register_module()
class SyntheticPairDataset(RenderedPairDataset):
    """Rendered pairs of the source domain, always with labels.

    Args:
        **kwargs: Arguments of :class:`RenderedPairDataset`, except ``with_labels`` and ``domain``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, 'with_labels': True, 'domain': 'synthetic'})


@DATASETS.register_module()
class RenderedMotions(RenderedPairDataset):
    """A target domain of rendered motion clips, without labels by default.

    Each split has a folder ``data_root/SPLIT`` with the motion clips listed in the file of splits.

    Args:
        splits: ``{split: its clips}``, or a json file of that (:func:`find_shipped`).
        split: One or several of the splits. Defaults to ``'train'``.
        data_root: Parent of the splits' folders.
        num: Number of images per split, or ``{split: number}``. Defaults to None: all existing ones.
        generator: Config of the pair generator; the split's clips are passed to its ``pose_source``. Defaults to None.
        **kwargs: Arguments of :class:`RenderedPairDataset`.

    Raises:
        FileNotFoundError: There is no such file of splits.
        ValueError: The split is unknown.
    """

    def __init__(self, splits: Mapping[str, Sequence[str]] | str | os.PathLike, data_root: str,
                 split: str | Sequence[str] = 'train', num: int | Mapping[str, int] | None = None,
                 **kwargs: Any) -> None:
        self.clips_of_split = read_splits(splits)
        self.splits = (split, ) if isinstance(split, str) else tuple(split)
        unknown = sorted(set(self.splits) - set(self.clips_of_split))
        if unknown or not self.splits:
            raise ValueError(f'split={split!r}: unknown {unknown}, expected some of {sorted(self.clips_of_split)}')
        super().__init__(data_root=data_root, num=num, **kwargs)

    def rendered_parts(self) -> list[RenderedPart]:
        """Return one folder per split."""
        return [RenderedPart(f'{Path(self.data_root).name}/{split}', str(Path(self.data_root) / split),
                             self._generator(split), self._num(split)) for split in self.splits]

    def _num(self, split: str) -> int | None:
        return self.num.get(split) if isinstance(self.num, Mapping) else self.num

    def _generator(self, split: str) -> dict | None:
        generator = copy.deepcopy(self.generator)
        if generator is not None:
            clips = list(self.clips_of_split[split])
            generator['pose_source'] = {**generator['pose_source'], 'clips': clips}
        return generator


@DATASETS.register_module()
class MocapHuman(RenderedMotions):
    """The built-in target domain: people in motion-captured poses, with the splits of ``mocap_human_splits.json``.

    Args:
        split: One of ``'train'``, ``'val'``, ``'test'``, ``'ood'``, or several. Defaults to ``'train'``.
        data_root: Parent of the splits' folders. Defaults to ``'data/mocap_human'``.
        **kwargs: Arguments of :class:`RenderedMotions`.
    """

    SPLITS: dict[str, list[str]] = json.loads(SPLITS_FILE.read_text(encoding='utf-8'))

    def __init__(self, split: str | Sequence[str] = 'train', data_root: str = 'data/mocap_human',
                 **kwargs: Any) -> None:
        super().__init__(splits=self.SPLITS, data_root=data_root, split=split, **kwargs)


def read_splits(splits: Mapping[str, Sequence[str]] | str | os.PathLike) -> dict[str, list[str]]:
    """Return ``{split: its clips}`` from plain data or a json file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has another content.
    """
    if isinstance(splits, Mapping):
        return {split: list(clips) for split, clips in splits.items()}
    path = find_shipped(splits)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of splits')
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(clips, list) for clips in content.values()):
        raise ValueError(f'{path}: {{"split": ["clip", …]}} expected')
    return content


class _OnTheFly:
    """Pairs rendered on access."""

    annotations = None
    root = None

    def __init__(self, generator: dict, num: int, seed: int) -> None:
        from mmxas.synthesis.pair_generator import PairGenerator
        self._generator = PairGenerator.from_config(generator, seed=seed)
        self._num = num

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, index: int) -> SyntheticPair:
        return self._generator.generate(index)


def _with_skeleton(generator: Mapping[str, Any] | None, skeleton: Any) -> Mapping[str, Any] | None:
    if generator is None or generator.get('skeleton') is not None:
        return generator
    return {**generator, 'skeleton': skeleton.to_dict() if isinstance(skeleton, Skeleton) else skeleton}


def _open(part: RenderedPart, seed: int) -> Any:
    """Return the pairs of a part."""
    if part.generator is None:
        if part.root is None:
            raise ValueError('rendered pairs need a data_root to read from, or a generator to render with')
        return PairReader(part.root)
    num = _number(part)
    if part.root is None:
        return _OnTheFly(part.generator, num, seed)
    from mmxas.synthesis.synthesize import require_rendered
    require_rendered(part.generator, part.root, num, seed)
    return PairReader(part.root)


def _number(part: RenderedPart) -> int:
    if part.num is None:
        raise ValueError(f'{part.name}: num is needed together with a generator')
    return part.num


def _image_file(root: str | Path, index: int, image: np.ndarray) -> str:
    """Return the path of an image's file in ``root``, writing it if missing."""
    path = Path(root) / 'images' / f'{index:06d}.png'
    if not path.is_file():
        data = cv2.imencode('.png', image)[1].tobytes()
        write_atomically(path, lambda file: file.write(data))
    return str(path)
