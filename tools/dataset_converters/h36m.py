"""Convert Human3.6M, as the archive unpacks (CDF files, videos, metadata.xml), to mmpose's layout.

``python tools/dataset_converters/h36m.py ARCHIVE OUT [--step 5] [--masks] [--subjects S9 S11] [--metadata FILE]``. A
second run changes nothing, and goes on where the first was stopped. docs/data_preparation.md shows the folders.
"""
import argparse
import sys

import mmxas  # noqa: F401  makes mmpose import
from mmxas.datasets.converters import h36m


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('archive', help='folder with S1/Videos, S1/MyPoseFeatures/D2_Positions and so on')
    parser.add_argument('out', help='folder to write, such as data/h36m')
    parser.add_argument('--metadata', help='metadata.xml; default: the one in ARCHIVE')
    parser.add_argument('--step', type=int, default=5, help='take every n-th frame of 50 a second (default: 5)')
    parser.add_argument('--subjects', nargs='+', default=h36m.TRAIN + h36m.TEST, help='default: all with poses')
    parser.add_argument('--masks', action='store_true', help="write masks, too, from the archive's background masks")
    parser.add_argument('--on-error', choices=['raise', 'skip'], default='raise',
                        help='what to do where a file is missing or broken (default: raise)')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Convert; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        counts = h36m.convert(args.archive, args.out, args.metadata, args.step, args.subjects, args.on_error,
                              args.masks)
    except (ValueError, OSError, ImportError) as error:
        print(f'h36m: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{count} frames for {split}' for split, count in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
