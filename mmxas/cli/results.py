"""``mmxas compare`` and ``mmxas plot``: put the results of runs side by side, and draw their curves."""
import argparse
from functools import partial
from pathlib import Path

from mmxas.evaluation import compare, read_result
from mmxas.visualization.canvas import write_picture
from mmxas.visualization.training_curves import draw_curves, read_scalars

from .options import CommandParser
from .running import mistakes, run_command


def parse_compare(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``compare``."""
    parser = CommandParser('compare', example='mmxas compare a.json b.json --by action',
                           details='Results of different protocols or data are not compared.')
    parser.add_argument('results', nargs='+', help='result files (.json), two or more')
    parser.add_argument('--by', help='compare the tables of this key (action, camera, ...) instead of the groups')
    parser.add_argument('--force', action='store_true', help='compare results of different protocols or data')
    return parser.parse_args(arguments)


def column_names(paths: list[str]) -> list[str]:
    """Return short names: the files' stems, or their paths if stems repeat."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def run_compare(args: argparse.Namespace) -> None:
    """Print result files, written by testing or by the metrics' ``out_file``, side by side."""
    with mistakes(FileNotFoundError, ValueError):
        results = [read_result(path) for path in args.results]
        print(compare(results, column_names(args.results), args.force, args.by))


def parse_plot(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``plot``."""
    parser = CommandParser('plot', example='mmxas plot work_dirs/xas_mocap --keys loss lr --out curves.png')
    parser.add_argument('runs', nargs='+', help='work directories, or their vis_data/scalars.json')
    parser.add_argument('--keys', nargs='+', default=['loss', 'loss_render', 'loss_marginal', 'lr'],
                        help='scalars to draw; default: %(default)s')
    parser.add_argument('--out', default='curves.png', help='default: %(default)s')
    return parser.parse_args(arguments)


def run_plot(args: argparse.Namespace) -> None:
    """Read the runs, draw their curves, and print the output path."""
    runs = {Path(run).name if Path(run).is_dir() else run: read_scalars(run) for run in args.runs}
    print(write_picture(args.out, draw_curves(runs, args.keys)))


main_compare = partial(run_command, 'compare', parse_compare, run_compare)
main_plot = partial(run_command, 'plot', parse_plot, run_plot)
