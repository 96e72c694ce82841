"""Render a set of pairs in parts on several machines: shards of each part, and merging of the folders."""
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmxas.io.atomic_writes import write_atomically
from mmxas.synthesis.shards import SetMeta, another_set, read_meta, shard_length, shard_path


class Part(NamedTuple):
    """Every ``count``-th shard, starting with the ``number``-th.

    Attributes:
        number: from 1 to ``count``.
        count: number of parts.
    """

    number: int
    count: int

    def shards(self, meta: SetMeta) -> range:
        """Return the numbers of its shards, from 0."""
        return range(self.number - 1, meta.num_shards, self.count)


WHOLE = Part(1, 1)


def parse_part(text: str) -> Part:
    """Parse a part such as ``'3/16'``, the third of sixteen.

    Raises:
        ValueError: the text has another form.
    """
    number, _, count = text.partition('/')
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f'part {text!r}: NUMBER/COUNT expected, with a number from 1 to the count, such as 3/16')
    return Part(int(number), int(count))


def merge_parts(folders: Sequence[str | Path], out: str | Path) -> int:
    """Copy the complete shards of parts into one folder; existing shards are kept.

    Args:
        folders: folders of the parts.
        out: the target folder, new or one of the parts.

    Returns:
        Number of copied shards.

    Raises:
        FileNotFoundError: a folder does not hold a part of a set.
        ValueError: two folders hold parts of different sets.
    """
    folders, out = [Path(folder) for folder in folders], Path(out)
    metas = {folder: read_meta(folder) for folder in folders}
    first = read_meta(out, missing_ok=True) or metas[folders[0]]
    for folder, meta in metas.items():
        if meta.fingerprint != first.fingerprint:
            raise ValueError(f'{another_set(folder, meta, first)}. Nothing was merged')
    largest = max(metas, key=lambda folder: metas[folder].num)
    if not (out / 'meta.json').is_file() or metas[largest].num > first.num:
        first = metas[largest]
        _copy(largest / 'meta.json', out / 'meta.json')
    copied = 0
    for shard in range(first.num_shards):
        length, target = len(first.shard_indices(shard)), shard_path(out, shard)
        found = [] if shard_length(target) == length else [
            folder for folder in folders if shard_length(shard_path(folder, shard)) == length]
        if found:
            _copy(shard_path(found[0], shard), target)
            copied += 1
    return copied


def _copy(source: Path, target: Path) -> None:
    data = source.read_bytes()
    write_atomically(target, lambda file: file.write(data))
