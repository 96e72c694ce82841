"""``mmxas plot``: draw the curves of one or more runs."""
import argparse
from pathlib import Path

from mmxas.visualization.canvas import write_picture
from mmxas.visualization.training_curves import draw_curves, read_scalars

from .options import CommandParser
from .running import run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('plot', example='mmxas plot work_dirs/xas_mocap --keys loss lr --out curves.png')
    parser.add_argument('runs', nargs='+', help='work directories, or their vis_data/scalars.json')
    parser.add_argument('--keys', nargs='+', default=['loss', 'loss_render', 'loss_marginal', 'lr'],
                        help='scalars to draw; default: %(default)s')
    parser.add_argument('--out', default='curves.png', help='default: %(default)s')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Read the runs, draw their curves, and print the output path."""
    runs = {Path(run).name if Path(run).is_dir() else run: read_scalars(run) for run in args.runs}
    print(write_picture(args.out, draw_curves(runs, args.keys)))


def main(arguments: list[str] | None = None) -> int:
    """Draw; return the exit status."""
    return run_command('plot', parse_args, run, arguments)
