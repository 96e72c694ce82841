"""Load images and masks; every error names the file."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from mmxas.io.images import UnreadableImageError, read_image
from mmxas.io.masks import AmbiguousMaskError, foreground, read_mask
from mmxas.registry import TRANSFORMS

ON_ERROR = ('raise', 'skip')
_recorders: list[list[str]] = []


@contextmanager
def recorded_skips() -> Iterator[list[str]]:
    """Collect the reasons for skipped samples inside the block instead of logging them."""
    reasons: list[str] = []
    _recorders.append(reasons)
    try:
        yield reasons
    finally:
        _recorders.pop()


def skips_are_recorded() -> bool:
    """Return whether :func:`recorded_skips` is active."""
    return bool(_recorders)


class SkipCounter:
    """Count and log skipped samples.

    Args:
        what: Description of the skipped things, for the log.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.count = 0

    def add(self, reason: str) -> None:
        """Count one and log the reason."""
        self.count += 1
        if _recorders:
            _recorders[-1].append(reason)
            return
        print_log(f'skipped {self.what} number {self.count}: {reason}', logger='current', level=logging.WARNING)


@TRANSFORMS.register_module()
class LoadXASImage(BaseTransform):
    """Load the image from memory or from its file.

    Required keys: ``img`` (h, w, 3) uint8 BGR or ``img_path``. Added keys: ``img``, ``img_shape``, ``ori_shape`` (h,
    w), ``img_path`` (None for an image in memory without a path).

    Args:
        on_error: ``'raise'`` stops at an unreadable file; ``'skip'`` logs and counts it, and the data set uses another
            sample (not possible in test mode, where mmengine stops). Defaults to ``'raise'``.

    Raises:
        ValueError: ``on_error`` is unknown.
    """

    def __init__(self, on_error: str = 'raise') -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        self.on_error = on_error
        self.skipped = SkipCounter('unreadable image')

    def transform(self, results: dict) -> dict | None:
        """Load one image, or return None if it is skipped.

        Raises:
            UnreadableImageError: The file is absent, truncated or no image, under ``on_error='raise'``.
            ValueError: An image in memory is not (h, w, 3).
        """
        image = results.get('img')
        if image is None:
            try:
                image = read_image(results['img_path'])
            except UnreadableImageError as error:
                if self.on_error == 'raise':
                    raise UnreadableImageError(f"{error}; set on_error='skip' to continue without it") from error
                self.skipped.add(str(error))
                return None
        if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
            found = getattr(image, 'shape', type(image).__name__)
            raise ValueError(f'{results.get("img_path")}: an image (h, w, 3) expected, {found} found')
        results['img'] = image
        results.setdefault('img_path', None)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadMask(BaseTransform):
    """Load the foreground mask of the image, if there is one.

    Required keys: ``img``. Optional keys: ``mask`` (h, w) in memory, or ``mask_path`` with ``mask_ids``, read by
    :func:`~mmxas.io.read_mask`; without either, as in inference, the sample is not changed. A mask in memory is bool,
    uint8 with values up to 255 (in between at soft edges), or anything else that :func:`~mmxas.io.foreground` accepts.
    Added key: ``mask`` (h, w) uint8, 0 or 255 (or between, at soft edges).

    Args:
        on_empty: What to do with a mask without foreground: ``'skip'`` logs and counts it, and the data set uses
            another sample; ``'raise'`` stops; ``'keep'`` keeps it. Defaults to ``'skip'``.
        on_error: ``'raise'`` or ``'skip'`` for an unreadable file, likewise. Defaults to ``'raise'``.

    Raises:
        ValueError: ``on_empty`` or ``on_error`` is unknown.
    """

    def __init__(self, on_empty: str = 'skip', on_error: str = 'raise') -> None:
        if on_empty not in (*ON_ERROR, 'keep') or on_error not in ON_ERROR:
            raise ValueError(f'on_empty={on_empty!r}, on_error={on_error!r}; expected {ON_ERROR}, or keep for on_empty')
        self.on_empty, self.on_error = on_empty, on_error
        self.skipped = SkipCounter('mask')

    def transform(self, results: dict) -> dict | None:
        """Load one mask, or return None if the sample is skipped.

        Raises:
            UnreadableImageError: The file is absent, truncated or no image, under ``on_error='raise'``.
            ValueError: The mask's size differs from the image's, it has no foreground under ``on_empty='raise'``, or it
                is ambiguous under ``on_error='raise'``.
        """
        mask, name = results.get('mask'), self._name(results)
        if mask is None:
            if results.get('mask_path') is None:
                return results
            try:
                mask = read_mask(results['mask_path'], results.get('mask_ids'))
            except UnreadableImageError as error:
                if self.on_error == 'raise':
                    raise UnreadableImageError(f"{error}; set on_error='skip' to continue without it") from error
                self.skipped.add(str(error))
                return None
            except AmbiguousMaskError as error:
                if self.on_error == 'raise':
                    raise
                self.skipped.add(str(error))
                return None
        check_mask_size(mask.shape, results['img'].shape, name, results.get('img_path'))
        if not mask.any() and self.on_empty != 'keep':
            reason = f'{name}: the mask is all black'
            if self.on_empty == 'raise':
                raise ValueError(reason)
            self.skipped.add(reason)
            return None
        if mask.dtype != np.uint8 or mask.max() <= 127:  # not coverage from 0 to 255
            mask = foreground(mask).mask.astype(np.uint8) * 255
        results['mask'] = mask
        return results

    @staticmethod
    def _name(results: dict) -> str:
        return str(results.get('mask_path') or results.get('sample_name') or results.get('img_path'))


def check_mask_size(mask_shape: tuple[int, ...], image_shape: tuple[int, ...], mask_name: str,
                    image_name: str | None) -> None:
    """Raise if the sizes of mask and image differ.

    Args:
        mask_shape: (h, w, ...) of the mask.
        image_shape: (h, w, ...) of the image.
        mask_name: Name of the mask, for the message.
        image_name: Name of the image, for the message.

    Raises:
        ValueError: The sizes differ.
    """
    if tuple(mask_shape[:2]) != tuple(image_shape[:2]):
        raise ValueError(f'{mask_name}: mask of {mask_shape[1]} x {mask_shape[0]} px, but its image {image_name} has '
                         f'{image_shape[1]} x {image_shape[0]} px; give the mask in the size of the image')
