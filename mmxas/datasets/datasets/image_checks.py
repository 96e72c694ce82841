"""What can be said about image files without decoding them, before the first iteration."""
from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mmxas.datasets.transforms.loading import SkipCounter, check_mask_size, skips_are_recorded
from mmxas.safe_files.images import UnreadableImageError, read_image_bytes, truncation

NAMED = 3  # missing files that a message names
ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101  # tags of Exif and TIFF


def image_size(path: str | Path) -> tuple[int, int]:
    """Return (h, w) of an image from its header, after making sure that the file is whole.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: The file is absent, truncated or no image; the message names it.
    """
    try:
        data = read_image_bytes(path)
        reason = truncation(data)
        if reason:
            raise UnreadableImageError(f'{path}: {reason}')
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) >= 5
            if image.format == 'TIFF':  # newer releases of Pillow have turned the size already
                width, height = image.tag_v2[WIDTH], image.tag_v2[HEIGHT]
    except (UnidentifiedImageError, SyntaxError, ValueError, struct.error) as error:
        raise UnreadableImageError(f'{path}: not an image') from error
    except UnreadableImageError:
        raise
    except OSError as error:
        raise UnreadableImageError(f'{path}: cannot be read ({error.strerror or error})') from error
    return (width, height) if turned else (height, width)


def find_size(image: str, folders: Iterable[Path]) -> tuple[int, int] | None:
    """Return (w, h) of an image from its header, of the first folder that holds it whole; None where none does."""
    for file in (folder / image for folder in folders if (folder / image).is_file()):
        with suppress(UnreadableImageError):
            return image_size(file)[::-1]
    return None


def check_masks(records: Sequence[dict], on_error: str = 'raise') -> list[dict]:
    """Check that every mask is there; each folder is listed once, so that 100000 take a second.

    Args:
        records: Samples, some with ``mask_path``.
        on_error: ``'raise'``, or ``'skip'``: log, count and leave out samples whose mask is missing. Defaults to
            ``'raise'``.

    Returns:
        list[dict]: The samples that are left.

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
            '`python tools/generate_masks.py --config CONFIG`, or convert those that come with the data set '
            "(docs/data_preparation.md); on_error='skip' goes on without these samples")
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
    """Check images and masks: every mask is there; of some, both are whole, and of one size.

    Args:
        records: Samples with ``img_path`` and optionally ``mask_path``.
        on_error: ``'raise'`` stops at the first bad file; ``'skip'`` logs, counts and leaves out samples whose image or
            mask cannot be read. A mask of another size always stops. Defaults to ``'raise'``.
        limit: Look into at most about this many, evenly spread. Defaults to None: all.

    Returns:
        list[dict]: The samples that are left.

    Raises:
        FileNotFoundError: Masks are missing.
        UnreadableImageError: A file is absent, truncated or no image.
        ValueError: A mask has another size than its image.
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
                    raise UnreadableImageError(f"{error}; set on_error='skip' to go on without it") from error
                skipped.add(str(error))
                continue
            except ValueError as error:
                if not skips_are_recorded():
                    raise
                skipped.add(str(error))
                continue
        kept.append(record)
    return kept
