"""``mmxas convert mpi-inf-3dhp``: convert MPI-INF-3DHP, as downloaded by its scripts, to npz files."""
import argparse

from mmxas.datasets.converters import mpi_inf_3dhp

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        'convert mpi-inf-3dhp', example='mmxas convert mpi-inf-3dhp archive data/mpi_inf_3dhp --masks',
        details='A second run resumes an interrupted one and changes nothing else.')
    parser.add_argument('archive', help='folder with S1/Seq1/annot.mat, TS1/annot_data.mat and so on')
    parser.add_argument('out', help='folder to write, such as data/mpi_inf_3dhp')
    parser.add_argument('--subjects', nargs='+', default=mpi_inf_3dhp.TRAIN + mpi_inf_3dhp.TEST,
                        help='default: S1 to S8, and TS1 to TS6 of the test set')
    parser.add_argument('--cameras', nargs='+', type=int, default=mpi_inf_3dhp.CHEST_HEIGHT,
                        help='of the training set; default: 0 2 4 7 8, at chest height')
    parser.add_argument('--step', type=int, default=5, help='use every n-th training frame (default: 5)')
    parser.add_argument('--masks', action='store_true', help='also write masks from FGmasks and ChairMasks')
    parser.add_argument('--no-chairs', dest='chairs', action='store_false',
                        help='convert without ChairMasks; occluded frames then stay in')
    parser.add_argument('--on-error', choices=['raise', 'skip'], default='raise',
                        help='what to do if a file is missing or broken (default: raise)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(ValueError, OSError, ImportError):
        counts = mpi_inf_3dhp.convert(args.archive, args.out, args.subjects, args.cameras, args.step, args.masks,
                                      args.chairs, args.on_error)
    print(f'{args.out}: ' + ', '.join(f'{count} frames for {split}' for split, count in counts.items()))


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert mpi-inf-3dhp', parse_args, run, arguments)
