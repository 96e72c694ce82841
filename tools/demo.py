"""Train, evaluate and draw the quick recipe from nothing but what ships; write metrics.json; print the table."""
import argparse
from pathlib import Path

from mmxas.cli import command_line
from mmxas.cli.demo import run_demo


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/xas_mocap.py', help='the recipe')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='where everything goes')
    parser.add_argument('--full-recipe', default='python tools/train.py configs/xas_mocap_full.py',
                        help='the command that the last line recommends')
    return parser.parse_args()


def main() -> None:
    """Run the demo and print its table."""
    args = parse_args()
    print(run_demo(Path(args.config), Path(args.work_dir), args.full_recipe))


if __name__ == '__main__':
    command_line.run_tool(main)
