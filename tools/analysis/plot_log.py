"""Draw the curves of one or more runs: ``python tools/analysis/plot_log.py WORK_DIR [WORK_DIR ...] --out FILE``"""
import argparse
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component
from mmxas.cli import command_line
from mmxas.visualization.canvas import write_picture
from mmxas.visualization.training_curves import draw_curves, read_scalars


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('runs', nargs='+', help='work directories, or their vis_data/scalars.json')
    parser.add_argument('--keys', nargs='+', default=['loss', 'loss_render', 'loss_marginal', 'lr'],
                        help='scalars to draw; default: %(default)s')
    parser.add_argument('--out', default='curves.png', help='default: %(default)s')
    return parser.parse_args()


def main() -> None:
    """Read the runs, draw their curves, and print where they are."""
    args = parse_args()
    runs = {Path(run).name if Path(run).is_dir() else run: read_scalars(run) for run in args.runs}
    print(write_picture(args.out, draw_curves(runs, args.keys)))


if __name__ == '__main__':
    command_line.run_tool(main)
