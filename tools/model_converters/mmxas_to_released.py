"""Convert a checkpoint of mmxas to the layout of the paper's released code (``*.pth.tar``)."""
import argparse
import sys

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.cli.command_line import UsageError, load_config
from mmxas.models.conversion import convert_to_released


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='a checkpoint of mmxas')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default='mmxas::xas_h36m_released.py',
                        help='config that the checkpoint is of (default: %(default)s)')
    parser.add_argument('--smpl-from', metavar='FILE', help='a released file to copy the smpl_layer buffers from, '
                        'without which the released code does not load a checkpoint')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Convert; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(argv)
    try:
        content = convert_to_released(args.source, args.out, load_config(args.config), args.smpl_from)
    except (OSError, ValueError, UsageError) as error:
        print(f'mmxas_to_released: {error}', file=sys.stderr)
        return 1
    sizes = ', '.join(f'{len(part)} tensors in {name}' for name, part in content.items() if isinstance(part, dict))
    print(f'{args.out}: {sizes}; the states of the optimizers are not converted')
    return 0


if __name__ == '__main__':
    sys.exit(main())
