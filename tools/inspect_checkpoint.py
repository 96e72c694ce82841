"""Look into a checkpoint, body model or array file without running it: ``python tools/inspect_checkpoint.py FILE ...``

Lists the archive's members and what its pickles would import and call. The exit status is 1 if a file is refused.
"""
import argparse
import json
import sys
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.cli import command_line
from mmxas.cli.command_line import UsageError
from mmxas.io.inspection import inspect_file


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Files and the form of the report."""
    parser = argparse.ArgumentParser(description='Look into files without running them')
    parser.add_argument('files', nargs='+', help='.pth, .pkl, .npz, .npy')
    parser.add_argument('--json', action='store_true', help='print json')
    return parser.parse_args(arguments)


def main() -> None:
    """Read the command line and report."""
    args = parse_args()
    reports = []
    for name in args.files:
        if not Path(name).is_file():
            raise UsageError(f'{name}: no such file')
        reports.append(inspect_file(name))
    if args.json:
        print(json.dumps(reports, indent=1))
    else:
        print('\n\n'.join(map(_text, reports)))
    sys.exit(any(report['refused'] for report in reports))


def _text(report: dict) -> str:
    lines = [f'{report["file"]}: {report["bytes"]} bytes, sha256 {report["sha256"]}, {report["container"]}']
    if report['members']:
        lines.append(f'  {len(report["members"])} members, {report["unfolded"]} bytes when unfolded')
    for where, found in report['pickles'].items():
        names = ', '.join(found['imports']) or 'nothing'
        lines.append(f'  {where}: imports {names}; {found["calls"]} calls')
    lines += [f'  {name}: {what}' for name, what in report['arrays'].items()]
    lines.append(f'  REFUSED: {"; ".join(report["refused"])}' if report['refused'] else '  no reason to refuse it')
    return '\n'.join(lines)


if __name__ == '__main__':
    command_line.run_tool(main)
