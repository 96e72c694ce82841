"""``mmxas inspect``: list the content of a checkpoint, body model or array file without executing it."""
import argparse
import json
from pathlib import Path

from mmxas.errors import UsageError
from mmxas.io.inspection import inspect_file

from .options import CommandParser
from .running import run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('inspect', example='mmxas inspect stranger.pth',
                           details="It lists the archive's members and the imports and calls of its pickles; also "
                           'for body models and arrays. The exit status is 1 if a file is refused.')
    parser.add_argument('files', nargs='+', help='.pth, .pkl, .npz, .npy')
    parser.add_argument('--json', action='store_true', help='print json')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> int:
    """Report; return 1 if a file is refused.

    Raises:
        UsageError: A file does not exist.
    """
    reports = []
    for name in args.files:
        if not Path(name).is_file():
            raise UsageError(f'{name}: no such file')
        reports.append(inspect_file(name))
    if args.json:
        print(json.dumps(reports, indent=1))
    else:
        print('\n\n'.join(map(_text, reports)))
    return int(any(report['refused'] for report in reports))


def _text(report: dict) -> str:
    lines = [f'{report["file"]}: {report["bytes"]} bytes, sha256 {report["sha256"]}']
    if report['members']:
        lines.append(f'  {len(report["members"])} members, {sum(report["members"].values())} bytes when unpacked')
    for where, found in report['pickles'].items():
        names = ', '.join(found['imports']) or 'nothing'
        lines.append(f'  {where}: imports {names}; {found["calls"]} calls')
    lines.append(f'  REFUSED: {"; ".join(report["refused"])}' if report['refused'] else '  no reason to refuse it')
    return '\n'.join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Report; return the exit status."""
    return run_command('inspect', parse_args, run, arguments)
