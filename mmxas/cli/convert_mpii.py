"""``mmxas convert mpii``: convert the official annotations of MPII to the json files of mmpose's layout."""
import argparse

from mmxas.datasets.converters import mpii

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('convert mpii', example='mmxas convert mpii mpii_human_pose_v1_u12_1.mat data/mpii',
                           details='A second run changes nothing.')
    parser.add_argument('mat', help='mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('out', help='folder to write, such as data/mpii')
    parser.add_argument('--val-list', help='images of the validation set: names in a text file, or a json of mmpose '
                        '(default: mpii_trainval.json alone is written)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(ValueError, OSError):
        counts = mpii.convert(args.mat, args.out, args.val_list)
    print(f'{args.out}: ' + ', '.join(f'{count} people for {split}' for split, count in counts.items()))


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert mpii', parse_args, run, arguments)
