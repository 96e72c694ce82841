"""``mmxas publish``: store a checkpoint as published weights."""
import argparse

from mmxas.apis.checkpoint_files import require_checkpoint
from mmxas.apis.configs import load_config
from mmxas.apis.publishing import MAX_BYTES, publish

from .options import CommandParser, positive
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('publish', example='mmxas publish epoch_9.pth my_config.py mine --out mine.safetensors',
                           details='It writes mmxas/weights/NAME.safetensors and sets Alias, Weights and SHA256 in '
                           'the metafile that lists CONFIG; with --out only that file is written, for any config.')
    parser.add_argument('checkpoint', help='a checkpoint of training')
    parser.add_argument('config', help='its config')
    parser.add_argument('name', help="name of the weights, as in XASInferencer('NAME')")
    parser.add_argument('--out', help='write this file only; default: mmxas/weights/NAME.safetensors, and the metafile')
    parser.add_argument('--max-bytes', type=positive, default=MAX_BYTES,
                        help='largest size of the file; networks that only training needs are left out first (default: '
                             f'{MAX_BYTES})')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Publish, and print what was written."""
    with mistakes(OSError, ValueError):
        done = publish(require_checkpoint(args.checkpoint), load_config(args.config), args.name, args.out,
                       args.max_bytes)
    without = f', without {" and ".join(done.left_out)}' if done.left_out else ''
    print(f'{done.path}: {done.num_bytes} bytes{without}, sha256 {done.fields["SHA256"]}')
    if done.metafile:
        print(f'entered in {done.metafile} as {args.name}')


def main(arguments: list[str] | None = None) -> int:
    """Publish; return the exit status."""
    return run_command('publish', parse_args, run, arguments)
