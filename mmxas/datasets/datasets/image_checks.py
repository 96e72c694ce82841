"""Check image and mask files before the first iteration, without decoding all of them."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmxas.datasets.transforms.loading import SkipCounter, check_mask_size, skips_are_recorded
from mmxas.io.images import UnreadableImageError, image_size

NAMED = 3  # number of missing files listed in a message


def check_masks(records: Sequence[dict], on_error: str = 'raise') -> list[dict]:
    """Check that every mask exists. Each folder is listed once, so 100000 masks take a second.

    Args:
        records: Samples with optional ``mask_path``.
        on_error: ``'raise'``, or ``'skip'``: log, count and leave out samples whose mask is missing. Defaults to
            ``'raise'``.

    Returns:
        The samples that are left.

    Raises:
        FileNotFoundError: Masks are missing; the message counts them and names the first.
    """
    paths = [Path(record['mask_path']) if record.get('mask_path') else None for record in records]
    there = {folder: _names_in(folder) for folder in {path.parent for path in paths if path is not None}}
    absent = [path is not None and path.name not in there[path.parent] for path in paths]
    missing = [str(path) for path, is_absent in zip(paths, absent, strict=True) if is_absent]
    if missing and on_error == 'raise' and not skips_are_recorded():
        more = ', …' if len(missing) > NAMED else ''
        raise FileNotFoundError(
            f'{len(missing)} of {len(records)} masks are missing: {", ".join(missing[:NAMED])}{more}. Make them by '
            '`mmxas masks --config CONFIG`, or convert those that come with the data set '
            "(docs/data_preparation.md); on_error='skip' continues without these samples")
    if missing:
        _skip_masks(missing, len(records))
    return [record for record, is_absent in zip(records, absent, strict=True) if not is_absent]


def _skip_masks(missing: Sequence[str], total: int) -> None:
    skipped = SkipCounter('samples')
    if skips_are_recorded():
        for path in missing:
            skipped.add(f'{path}: no such file, no mask')
    else:
        skipped.add(f'{len(missing)} of {total} have no mask, such as {missing[0]}')


def _names_in(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder)}
    except OSError:
        return set()


def check_files(records: Sequence[dict], on_error: str = 'raise', limit: int | None = None) -> list[dict]:
    """Check that every mask exists and that, for some samples, image and mask are intact and of equal size.

    Args:
        records: Samples with ``img_path`` and optionally ``mask_path``.
        on_error: ``'raise'`` stops at the first bad file; ``'skip'`` logs, counts and leaves out samples whose image or
            mask cannot be read. A mask of the wrong size always raises. Defaults to ``'raise'``.
        limit: Open at most about this many, evenly spread. Defaults to None: all.

    Returns:
        The samples that are left.

    Raises:
        FileNotFoundError: Masks are missing.
        UnreadableImageError: A file is missing, truncated or not an image.
        ValueError: A mask's size differs from its image's.
    """
    records = check_masks(records, on_error)
    step = 1 if limit is None else max(1, len(records) // limit)
    skipped, kept = SkipCounter('unreadable image'), []
    for number, record in enumerate(records):
        if number % step == 0:
            try:
                shape = image_size(record['img_path'])
                if record.get('mask_path'):
                    check_mask_size(image_size(record['mask_path']), shape, record['mask_path'], record['img_path'])
            except UnreadableImageError as error:
                if on_error == 'raise':
                    raise UnreadableImageError(f"{error}; set on_error='skip' to continue without it") from error
                skipped.add(str(error))
                continue
            except ValueError as error:
                if not skips_are_recorded():
                    raise
                skipped.add(str(error))
                continue
        kept.append(record)
    return kept
