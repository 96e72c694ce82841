"""``mmxas convert to-released``: convert a checkpoint of mmxas to the layout of the paper's released code."""
import argparse

from mmxas.apis.configs import load_config
from mmxas.models.conversion import convert_to_released

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('convert to-released', example='mmxas convert to-released epoch_65.pth mine.pth.tar')
    parser.add_argument('source', metavar='IN', help='a checkpoint of mmxas')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default='mmxas::xas_h36m_released.py',
                        help='config of the checkpoint (default: %(default)s)')
    parser.add_argument('--smpl-from', metavar='FILE', help='a released file to copy the smpl_layer buffers from, '
                        'which the released code needs to load a checkpoint')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(OSError, ValueError):
        content = convert_to_released(args.source, args.out, load_config(args.config), args.smpl_from)
    sizes = ', '.join(f'{len(part)} tensors in {name}' for name, part in content.items() if isinstance(part, dict))
    print(f'{args.out}: {sizes}; the states of the optimizers are not converted')


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert to-released', parse_args, run, arguments)
