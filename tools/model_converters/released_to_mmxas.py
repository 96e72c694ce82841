"""Convert a checkpoint of the paper's released code (``*.pth.tar``) to one that mmxas loads."""
import argparse
import sys

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.cli.command_line import UsageError, load_config
from mmxas.models.conversion import convert_from_released


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='the released file; nothing of it is executed')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default='mmxas::xas_h36m_released.py',
                        help='config that shall load it (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Convert; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(argv)
    try:
        converted = convert_from_released(args.source, args.out, load_config(args.config))
    except (OSError, ValueError, UsageError) as error:
        print(f'released_to_mmxas: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {len(converted.state_dict)} tensors of {args.source}, epoch {converted.epochs}')
    if converted.body_model:
        print(f'left out: {len(converted.body_model)} buffers of the body model ({converted.body_model[0]}, …)')
    if converted.left_out:
        print(f'left out: {", ".join(converted.left_out)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
