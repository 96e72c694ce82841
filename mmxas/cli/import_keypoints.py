"""``mmxas import``: convert keypoints between the formats of DeepLabCut, SLEAP and COCO."""
import argparse
from pathlib import Path

from mmxas.interop import read_keypoints, write_keypoints
from mmxas.structures import load_skeleton

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('import', example='mmxas import labels.slp labels.json --rename snout=nose')
    parser.add_argument('file', help='.csv or .h5 of DeepLabCut, .slp of SLEAP, .json of COCO')
    parser.add_argument('out', help='.json for COCO, or a name of the other formats')
    parser.add_argument('--table', help='table of a .h5 file with several; default: the only one')
    parser.add_argument('--rename', nargs='+', default=[], metavar='THEIRS=OURS', help='names of keypoints')
    parser.add_argument('--skeleton', metavar='NAME_OR_FILE',
                        help='order the keypoints as in this skeleton; others are left out')
    return parser.parse_args(arguments)


def read_names(words: list[str]) -> dict[str, str]:
    """Parse ``snout=nose`` and so on to a dict.

    Raises:
        ValueError: A word is not THEIRS=OURS.
    """
    pairs = [word.split('=') for word in words]
    wrong = [word for word, pair in zip(words, pairs) if len(pair) != 2 or not all(pair)]
    if wrong:
        raise ValueError(f'--rename {wrong[0]}: THEIRS=OURS expected, such as snout=nose')
    return dict(pairs)


def run(args: argparse.Namespace) -> None:
    """Convert, and print written, omitted and missing items."""
    with mistakes(ValueError, OSError, ImportError):
        table = read_keypoints(args.file, table=args.table).renamed(read_names(args.rename))
        if args.skeleton is not None:
            skeleton = load_skeleton(args.skeleton)
            left_out = [name for name in table.names if name not in skeleton.keypoints]
            unknown = [name for name in skeleton.keypoints if name not in table.names]
            table = table.arranged(skeleton.keypoints, skeleton.links)
            for what, names in (('left out', left_out), ('not labelled', unknown)):
                if names:
                    print(f'{what}: {", ".join(names)}')
        write_keypoints(table, args.out)
    print(f'{args.out}: {len(table.images)} poses, {len(table.scorers)} hypotheses each, of {len(table.names)} '
          f'keypoints')
    unknown = sum(size is None for size in table.sizes.values())
    if unknown and Path(args.out).suffix.lower() == '.json':
        print(f'{unknown} images were not found next to {args.file}: their sizes are estimated from the keypoints')


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('import', parse_args, run, arguments)
