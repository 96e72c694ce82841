"""Predictions to another program's format: ``python tools/export_predictions.py PREDICTIONS OUT``

PREDICTIONS is what tools/infer.py wrote, a file or its folder ``predictions``; OUT ends in .csv or .h5 (DeepLabCut),
.json (COCO) or .slp (SLEAP).
"""
import argparse
import sys

import mmxas  # noqa: F401  first: it makes mmpose import

# isort: split
from mmxas.interop import write_keypoints
from mmxas.interop.prediction_records import read_predictions


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write predictions in another program's format")
    parser.add_argument('predictions', help='a .json file of tools/infer.py, or a folder of them')
    parser.add_argument('out', help='.csv or .h5 for DeepLabCut, .json for COCO, .slp for SLEAP')
    parser.add_argument('--scorer', default='mmxas', help='name that DeepLabCut shows (default: mmxas)')
    parser.add_argument('--top1', action='store_true', help='the top-1 hypothesis only')
    parser.add_argument('--flat', action='store_true', help='its x and y only')
    parser.add_argument('--run', choices=['last', 'all'], help='which runs, where PREDICTIONS has files of several')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Convert; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        table = read_predictions(args.predictions, args.scorer, args.run)
        table = table.flat() if args.flat else table.top1() if args.top1 else table
        write_keypoints(table, args.out)
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {len(table.images)} poses, {len(table.scorers)} hypotheses each, of {len(table.names)} '
          f'keypoints in {", ".join(table.units)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
