"""``mmxas export predictions``: convert predictions to another program's format."""
import argparse

from mmxas.interop import write_keypoints
from mmxas.interop.prediction_records import read_predictions

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('export predictions', example='mmxas export predictions out/predictions predictions.csv')
    parser.add_argument('predictions', help='a .json file of mmxas infer, or its folder predictions')
    parser.add_argument('out', help='.csv or .h5 for DeepLabCut, .json for COCO, .slp for SLEAP')
    parser.add_argument('--scorer', default='mmxas', help='name that DeepLabCut shows (default: mmxas)')
    parser.add_argument('--top1', action='store_true', help='the top-1 hypothesis only')
    parser.add_argument('--flat', action='store_true', help='x and y of the top-1 hypothesis only')
    parser.add_argument('--run', choices=['last', 'all'], help='which runs, if PREDICTIONS has files of several')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    with mistakes(ValueError, OSError, ImportError):
        table = read_predictions(args.predictions, args.scorer, args.run)
        table = table.flat() if args.flat else table.top1() if args.top1 else table
        write_keypoints(table, args.out)
    print(f'{args.out}: {len(table.images)} poses, {len(table.scorers)} hypotheses each, of {len(table.names)} '
          f'keypoints in {", ".join(table.units)}')


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('export predictions', parse_args, run, arguments)
