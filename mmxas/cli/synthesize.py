"""``mmxas synthesize``: render synthetic image-pose pairs for training.

Resumable; the number of workers does not change the output.
"""
import argparse
import sys

from mmxas.apis.configs import load_config, merge_options
from mmxas.datasets.rendered_sets import find_sets
from mmxas.errors import UsageError
from mmxas.processes import usable_cpus
from mmxas.synthesis.parts import merge_parts, parse_part
from mmxas.synthesis.synthesize import require_rendered, synthesize

from .options import CommandParser, add_cfg_options, add_config
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('synthesize', example='mmxas synthesize mmxas::xas_mocap.py --workers 8',
                           details='It renders all missing data that training and testing read. To use several '
                           'machines, run --part NUMBER/COUNT on each; if they do not share a disk, --merge joins '
                           'their folders.')
    add_config(parser)
    parser.add_argument('--which', metavar='NAME', help='only this set: of `synthesis = dict(NAME=dict(generator=..., '
                        "num=..., out=...))`, or without it the folder's name; default: all")
    parser.add_argument('--part', metavar='NUMBER/COUNT', help='only this part of the shards, such as 3/16')
    parser.add_argument('--merge', nargs='+', metavar='DIR', help='copy the shards of these folders, then --check')
    parser.add_argument('--check', action='store_true', help='render nothing; exit status 1 if shards are missing')
    parser.add_argument('--out', help="folder; default: the entry's `out`")
    parser.add_argument('--num', type=int, help="number of pairs; default: the entry's `num`")
    parser.add_argument('--workers', type=int, default=usable_cpus(), help='processes; 0 renders in this one '
                        '(default: the number of usable CPUs, %(default)s)')
    parser.add_argument('--seed', type=int, help="default: the entry's `seed`, then the generator's, then 0")
    parser.add_argument('--shard-size', type=int, default=256, help='pairs per file (default: 256)')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def render(args: argparse.Namespace) -> list[str]:
    """Render, merge or check; return one line per set.

    Raises:
        UsageError: Neither the command line nor the config has the folder or the number of pairs, or an option applies
            to one set and the config has several.
    """
    config = load_config(args.config)
    merge_options(config, args.cfg_options)
    part = None if args.part is None else parse_part(args.part)
    sets = find_sets(config, args.which)
    if len(sets) > 1 and (args.out or args.num is not None or args.seed is not None or args.merge):
        raise UsageError(f'--out, --num, --seed and --merge need one set; choose it with --which: {", ".join(sets)}')
    if not sets:
        return [f'{args.config}: nothing to render, its pairs are not rendered by mmxas']
    return [run_set(name, entry, args, part) for name, entry in sets.items()]


def run_set(name: str, entry: dict, args: argparse.Namespace, part: tuple[int, int] | None) -> str:
    """Render, merge or check one set; return one line.

    Raises:
        UsageError: Neither the command line nor the entry has the folder or the number of pairs.
    """
    out, num = args.out or entry.get('out'), entry.get('num') if args.num is None else args.num
    if not out or num is None:
        raise UsageError(f'synthesis set {name!r}: give --out and --num, or `out` and `num` in the config')
    seed = entry.get('seed') if args.seed is None else args.seed
    if args.merge:
        with mistakes(FileNotFoundError):
            merge_parts(args.merge, out)
    if args.merge or args.check:
        meta = require_rendered(entry['generator'], out, num, seed, args.shard_size)
    else:
        meta = synthesize(entry['generator'], out, num, args.workers, seed, args.shard_size, part=part)
    what = f'{meta.num} pairs' if part is None else f'part {args.part} of {meta.num} pairs'
    return f'{name}: {what} in {out} ({meta.num_shards} shards, fingerprint {meta.fingerprint})'


def run(args: argparse.Namespace) -> int:
    """Render, and print a summary; return 1 if ``--check`` or ``--merge`` finds missing shards."""
    with mistakes(ValueError, OSError, ImportError, TypeError, RuntimeError, KeyError):
        try:
            for line in render(args):
                print(line)
        except FileNotFoundError as error:
            if not (args.check or args.merge):
                raise
            print(f'mmxas synthesize: {error}', file=sys.stderr)
            return 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Render; return the exit status."""
    return run_command('synthesize', parse_args, run, arguments)
