"""Render synthetic image-pose pairs once, for training to read: resumable, equal bytes for any number of workers."""
import argparse
import sys

import mmxas  # noqa: F401  registers the components
from mmxas.apis import command_line
from mmxas.apis.command_line import KeyValueAction, UsageError
from mmxas.synthesis.pair_generator import choose
from mmxas.synthesis.synthesize import synthesize


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas, with '
                        '`synthesis = dict(NAME=dict(generator=..., num=..., out=...))`')
    parser.add_argument('--which', help='which NAME of the config, if it has several')
    parser.add_argument('--out', help="folder; default: the entry's `out`")
    parser.add_argument('--num', type=int, help="number of pairs; default: the entry's `num`")
    parser.add_argument('--workers', type=int, default=2, help='processes; 0 renders in this one (default: 2)')
    parser.add_argument('--seed', type=int, help="default: the entry's `seed`, then the generator's, then 0")
    parser.add_argument('--shard-size', type=int, default=256, help='pairs a file (default: 256)')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={},
                        help='change config entries, k=v')
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> str:
    """Render; return what was done in one line.

    Raises:
        UsageError: Neither the command line nor the config says where to, or how many.
    """
    config = command_line.load_config(args.config)
    command_line.merge_options(config, args.cfg_options)
    name, entry = choose(config, args.which)
    out, num = args.out or entry.get('out'), entry.get('num') if args.num is None else args.num
    if not out or num is None:
        raise UsageError(f'synthesis set {name!r}: give --out and --num, or `out` and `num` in the config')
    seed = entry.get('seed') if args.seed is None else args.seed
    meta = synthesize(entry['generator'], out, num, args.workers, seed, args.shard_size)
    return f'{name}: {meta.num} pairs in {out} ({meta.num_shards} shards, fingerprint {meta.fingerprint})'


def main(argv: list[str] | None = None) -> int:
    """Render; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(argv)
    try:
        print(run(args))
    except (UsageError, ValueError, OSError, ImportError, TypeError, RuntimeError) as error:
        message = str(error)
    except KeyError as error:
        message = command_line.unknown_component(error) or str(error)
    else:
        return 0
    print(f'synthesize: {message}', file=sys.stderr)
    return 1


if __name__ == '__main__':
    sys.exit(main())
