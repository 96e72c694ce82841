"""Write rendered pairs as images/, masks/ and boxes.json: ``python tools/export_pairs.py SHARDS --out DIR``."""
import argparse
import sys

import mmxas  # noqa: F401  checks the stack
from mmxas.synthesis.shards import export_pairs


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('shards', help='folder of pairs, such as data/mocap_human/test')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument('--num', type=int, help='at most this many, evenly spread (default: all)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Export; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(argv)
    try:
        written = export_pairs(args.shards, args.out, args.num)
    except (ValueError, OSError) as error:
        print(f'export_pairs: {error}', file=sys.stderr)
        return 1
    print(f'{written} pairs in {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
