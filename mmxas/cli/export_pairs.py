"""``mmxas export pairs``: write rendered pairs as images/, masks/ and boxes.json."""
import argparse

from mmxas.synthesis.shards import export_pairs

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('export pairs', example='mmxas export pairs data/mocap_human/test --out pairs')
    parser.add_argument('shards', help='folder of pairs, such as data/mocap_human/test')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument('--num', type=int, help='at most this many, evenly spread (default: all)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Export, and print the number of pairs."""
    with mistakes(ValueError, OSError):
        written = export_pairs(args.shards, args.out, args.num)
    print(f'{written} pairs in {args.out}')


def main(arguments: list[str] | None = None) -> int:
    """Export; return the exit status."""
    return run_command('export pairs', parse_args, run, arguments)
