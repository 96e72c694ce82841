"""``mmxas compare``: results side by side, of the files that testing and the metrics' ``out_file`` write."""
import argparse
from pathlib import Path

from mmxas.evaluation import compare, read_result

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('compare', example='mmxas compare a.json b.json --by action',
                           details='Results that were measured differently, by another protocol or on other data, '
                           'are refused.')
    parser.add_argument('results', nargs='+', help='result files (.json), two or more')
    parser.add_argument('--by', help='compare the tables of this key (action, camera, ...) instead of the groups')
    parser.add_argument('--force', action='store_true', help='compare although they were measured differently')
    return parser.parse_args(arguments)


def column_names(paths: list[str]) -> list[str]:
    """Short names: the files' stems, or their paths where stems repeat."""
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
