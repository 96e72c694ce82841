"""``mmxas convert h36m``: convert Human3.6M's archive (CDF files, videos, metadata.xml) to mmpose's layout."""
import argparse

from mmxas.datasets.converters import h36m

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('convert h36m', example='mmxas convert h36m archive data/h36m --step 5 --masks',
                           details='A second run resumes an interrupted one and changes nothing else.')
    parser.add_argument('archive', help='folder with S1/Videos, S1/MyPoseFeatures/D2_Positions and so on')
    parser.add_argument('out', help='folder to write, such as data/h36m')
    parser.add_argument('--metadata', help='metadata.xml; default: the one in ARCHIVE')
    parser.add_argument('--step', type=int, default=5, help='use every n-th frame of 50 per second (default: 5)')
    parser.add_argument('--subjects', nargs='+', default=h36m.TRAIN + h36m.TEST, help='default: all with poses')
    parser.add_argument('--masks', action='store_true', help="also write masks from the archive's background masks")
    parser.add_argument('--on-error', choices=['raise', 'skip'], default='raise',
                        help='what to do if a file is missing or broken (default: raise)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(ValueError, OSError, ImportError):
        counts = h36m.convert(args.archive, args.out, args.metadata, args.step, args.subjects, args.on_error,
                              args.masks)
    print(f'{args.out}: ' + ', '.join(f'{count} frames for {split}' for split, count in counts.items()))


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert h36m', parse_args, run, arguments)
