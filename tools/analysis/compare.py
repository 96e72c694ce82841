"""Results side by side: ``python tools/analysis/compare.py A.json B.json [...] [--by action] [--force]``

The files are those that tools/test.py and the metrics' ``out_file`` write. Results that were measured differently, by
another protocol or on other data, are refused, with the fields that differ.
"""
import argparse
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import
from mmxas.cli.command_line import UsageError, run_tool
from mmxas.evaluation import compare, read_result


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Put results side by side')
    parser.add_argument('results', nargs='+', help='result files (.json), two or more')
    parser.add_argument('--by', help='compare the tables of this key (action, camera, ...) instead of the groups')
    parser.add_argument('--force', action='store_true', help='compare although they were measured differently')
    return parser.parse_args(arguments)


def column_names(paths: list[str]) -> list[str]:
    """Short names: the files' stems, or their paths where stems repeat."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def main() -> None:
    """Print the table.

    Raises:
        UsageError: A file is no result, or the results were measured differently.
    """
    args = parse_args()
    try:
        results = [read_result(path) for path in args.results]
        print(compare(results, column_names(args.results), args.force, args.by))
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(str(error)) from error


if __name__ == '__main__':
    run_tool(main)
