"""``mmxas compare``: compare result files, written by testing or by the metrics' ``out_file``, side by side."""
import argparse
from pathlib import Path

from mmxas.evaluation import compare, read_result

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('compare', example='mmxas compare a.json b.json --by action',
                           details='Results of different protocols or data are not compared.')
    parser.add_argument('results', nargs='+', help='result files (.json), two or more')
    parser.add_argument('--by', help='compare the tables of this key (action, camera, ...) instead of the groups')
    parser.add_argument('--force', action='store_true', help='compare results of different protocols or data')
    return parser.parse_args(arguments)


def column_names(paths: list[str]) -> list[str]:
    """Return short names: the files' stems, or their paths if stems repeat."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    with mistakes(FileNotFoundError, ValueError):
        results = [read_result(path) for path in args.results]
        print(compare(results, column_names(args.results), args.force, args.by))


def main(arguments: list[str] | None = None) -> int:
    """Compare; return the exit status."""
    return run_command('compare', parse_args, run, arguments)
