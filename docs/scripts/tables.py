"""Fill the tables of README.md and docs from the files in docs/results and from the metafiles.

``python docs/scripts/tables.py`` writes the pages; ``--check`` only names the pages whose tables are not those of the
files, with status 1. A table stands between ``<!-- table: FILE.NAME -->`` and ``<!-- end -->``: NAME is an entry of
docs/results/FILE.json. Numbers appear as the file has them (0.790 keeps its zero); a list is joined by slashes.
``zoo.NAME`` is a table of the models, from the metafiles (model_zoo.py).
"""
from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import model_zoo  # noqa: E402

from benchmarks.report import operations  # noqa: E402
from mmxas.io.atomic_writes import write_atomically  # noqa: E402

PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
RESULTS = ROOT / 'docs' / 'results'
PLACE = re.compile(r'^( *)<!-- table: (\w+)\.(\w+) -->\n(.*?)^ *<!-- end -->$', re.MULTILINE | re.DOTALL)


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table.

    Args:
        head: Names of the columns.
        rows: Cells: text, numbers as text, None (empty), or a list of such.

    Raises:
        ValueError: A row has another number of cells than the head.
    """
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f'{row}: {len(head)} cells expected, found {len(row)}')
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(cell(value) for value in line) + ' |' for line in lines)


def cell(value: str | Sequence[str] | None) -> str:
    """Return the text of one cell."""
    if value is None:
        return ''
    return value if isinstance(value, str) else ' / '.join(cell(part) for part in value)


def read(name: str) -> dict[str, Any]:
    """Return docs/results/<name>.json, with its numbers as they are written."""
    return json.loads((RESULTS / f'{name}.json').read_text(encoding='utf-8'), parse_float=str, parse_int=str)


def table(file: str, name: str) -> str:
    """Return the table of a marker.

    Raises:
        ValueError: The file or its entry is missing.
    """
    try:
        if file == 'zoo':
            return markdown(*model_zoo.TABLES[name]())
        if file == 'operations':
            return operations(json.loads((RESULTS / 'operations.json').read_text(encoding='utf-8')))
        return markdown(read(file)[name]['head'], read(file)[name]['rows'])
    except (FileNotFoundError, KeyError) as error:
        raise ValueError(f'<!-- table: {file}.{name} -->: no {name} in docs/results/{file}.json') from error


def filled(text: str) -> str:
    """Return the text of a page with its tables as the files have them."""
    def fill(place: re.Match) -> str:
        indent, file, name = place[1], place[2], place[3]
        lines = [f'<!-- table: {file}.{name} -->', '', *table(file, name).splitlines(), '', '<!-- end -->']
        return '\n'.join((indent + line).rstrip() for line in lines)
    return PLACE.sub(fill, text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the pages; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; status 1 if a table is not its file\'s')
    check = parser.parse_args(arguments).check
    stale = []
    for page in PAGES:
        text = page.read_text(encoding='utf-8')
        new = filled(text)
        if new != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if not check:
                write_atomically(page, lambda file, new=new: file.write(new.encode()))
    if stale:
        print(f'{", ".join(stale)}: ' + ('tables differ from the files; run python docs/scripts/tables.py'
                                         if check else 'written'))
    return int(check and bool(stale))


if __name__ == '__main__':
    sys.exit(main())
