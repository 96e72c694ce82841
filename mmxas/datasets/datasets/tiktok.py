"""TikTok dance videos: frames with masks, without annotations."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.datasets.transforms.loading import ON_ERROR, SkipCounter
from mmxas.io import read_mask
from mmxas.io.image_folders import find_images
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS

from .image_checks import check_files
from .xas_dataset import XASDataset


@DATASETS.register_module()
class TikTokDataset(XASDataset):
    """Frames of the TikTok data set, as unpacked: ``00001/images/0001.png`` with ``00001/masks/0001.png``.

    It has no labels. Boxes are those of the masks, computed on access. A sample's ``clip`` is the number of its
    sequence.

    Args:
        data_root: The folder of the sequences.
        sequences: Keep only these, e.g. ``['00001']``. Defaults to None: all.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out frames whose image or mask is missing or
            unreadable. Defaults to ``'raise'``.
        num_checked: Approximate number of files checked before training, evenly spread. Defaults to 1000.
        **kwargs: Arguments of :class:`XASDataset`; ``sample_interval=n`` keeps every n-th frame of each sequence.

    Raises:
        FileNotFoundError: The folder does not exist or has no sequence, or an image has no mask.
        ValueError: ``on_error`` or a sequence is unknown, or labels or a box other than the mask's are requested.
    """

    FACTS = ('sequences', )

    def __init__(self, data_root: str, sequences: Sequence[str] | None = None, on_error: str = 'raise',
                 num_checked: int = 1000, **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if kwargs.get('with_labels') or kwargs.get('box', 'mask') != 'mask':
            raise ValueError('this data set has masks and no labels: with_labels=True or a box that is not the '
                             "mask's is not possible")
        self.sequences = None if sequences is None else tuple(sequences)
        self.on_error, self.num_checked = on_error, num_checked
        self.skipped = SkipCounter('frame')
        super().__init__(data_root=data_root, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx`` with its mask and the mask's box, which is the whole image if the mask is
        black."""
        info = super().get_data_info(idx)
        info['mask'] = read_mask(info['mask_path'])
        height, width = info['mask'].shape
        bbox = mask_box(info['mask'])
        info['bbox'] = np.array([[0, 0, width, height]], dtype=np.float32) if bbox is None else bbox[None]
        return info

    def load_data_list(self) -> list[dict]:
        """List the frames, after checking about ``num_checked`` of their files.

        Raises:
            FileNotFoundError: The folder does not exist, has no sequence, or no frame that can be used.
            ValueError: A sequence is unknown.
        """
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder; expected the sequences of the archive, 00001 and so on')
        found = sorted(folder.parent.name for folder in root.glob('*/images') if folder.is_dir())
        unknown = sorted(set(self.sequences or ()) - set(found))
        if not found or unknown:
            inner = sorted(path.parent.parent for path in root.glob('*/*/images'))
            hint = f'; did you mean {inner[0]}?' if inner and not found else ''
            error = ValueError if found else FileNotFoundError
            raise error(f'{root}: {f"no sequences {unknown}" if unknown else "no sequence"} here, expected folders '
                        f'such as 00001/images with 00001/masks{hint}')
        records = [record for name in found if self.sequences is None or name in self.sequences
                   for record in self._frames(root / name)]
        records = check_files([record for record in records if self._has_mask(record)], self.on_error,
                              self.num_checked)
        if not records:
            raise FileNotFoundError(f'{root}: no frame can be used; expected 00001/images/0001.png with '
                                    '00001/masks/0001.png')
        return records

    def _frames(self, folder: Path) -> list[dict]:
        try:
            files = find_images(folder / 'images', below=False)
        except FileNotFoundError:
            files = []  # only reported if all sequences have none
        return [{
            'img_path': str(path), 'mask_path': str(folder / 'masks' / f'{path.stem}.png'), 'clip': folder.name,
            'frame': int(path.stem) if path.stem.isdigit() else i, 'sample_name': f'{folder.name}/{path.stem}',
            'bbox_score': np.ones(1, dtype=np.float32), 'box_source': 'mask'}
            for i, path in enumerate(files)][::self.sample_interval]

    def _has_mask(self, record: dict) -> bool:
        if Path(record['mask_path']).is_file():
            return True
        reason = f'{record["img_path"]}: no mask {record["mask_path"]}'
        if self.on_error == 'raise':
            raise FileNotFoundError(f"{reason}; set on_error='skip' to continue without it")
        self.skipped.add(reason)
        return False
