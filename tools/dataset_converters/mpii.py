"""Convert the official annotations of MPII, mpii_human_pose_v1_u12_1.mat, to the json files of mmpose's layout.

``python tools/dataset_converters/mpii.py MAT OUT [--val-list FILE]``. A second run changes nothing.
docs/data_preparation.md shows the folders.
"""
import argparse
import sys

import mmxas  # noqa: F401  makes mmpose import
from mmxas.datasets.converters import mpii


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mat', help='mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('out', help='folder to write, such as data/mpii')
    parser.add_argument('--val-list', help='images of the validation set: names in a text file, or a json of mmpose '
                        '(default: mpii_trainval.json alone is written)')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Convert; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        counts = mpii.convert(args.mat, args.out, args.val_list)
    except (ValueError, OSError) as error:
        print(f'mpii: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{count} people for {split}' for split, count in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
