"""``mmxas convert from-released``: convert a checkpoint of the paper's released code to mmxas."""
import argparse

from mmxas.apis.configs import load_config
from mmxas.models.conversion import convert_from_released

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        'convert from-released', example='mmxas convert from-released 00014_ckpt.pth.tar released.pth')
    parser.add_argument('source', metavar='IN', help='the released file; nothing of it is executed')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default='mmxas::xas_h36m_released.py',
                        help='config that will load it (default: %(default)s)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(OSError, ValueError):
        converted = convert_from_released(args.source, args.out, load_config(args.config))
    print(f'{args.out}: {len(converted.state_dict)} tensors of {args.source}, epoch {converted.epochs}')
    if converted.body_model:
        print(f'left out: {len(converted.body_model)} buffers of the body model ({converted.body_model[0]}, …)')
    if converted.left_out:
        print(f'left out: {", ".join(converted.left_out)}')


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert from-released', parse_args, run, arguments)
