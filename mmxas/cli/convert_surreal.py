"""``mmxas convert surreal``: convert SURREAL (mp4, _info.mat, _segm.mat) to shards for SyntheticPairDataset."""
import argparse

from mmxas.datasets.converters.surreal import SurrealOptions, convert

from .options import CommandParser
from .running import mistakes, run_command

DEFAULT = SurrealOptions()


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('convert surreal', example='mmxas convert surreal SURREAL/data/cmu/train data/surreal',
                           details='By default it samples and filters like the released code. A second run resumes '
                           'an interrupted one and changes nothing else.')
    parser.add_argument('source', help='folder such as SURREAL/data/cmu/train, searched with its subfolders')
    parser.add_argument('out', help='folder of the shards, such as data/surreal')
    parser.add_argument('--model-path', default='official', help='SMPL: a file or folder; `free` is for tests, its '
                        'keypoints do not fit the images (default: official, in $SMPL_MODEL_DIR or the usual folders)')
    parser.add_argument('--num-clips', type=int, default=DEFAULT.num_clips, help='clips to draw (default: %(default)s)')
    parser.add_argument('--per-clip', type=int, default=DEFAULT.per_clip, help='frames of each (default: %(default)s)')
    parser.add_argument('--all', action='store_true', help='all frames of all clips, without the released filters')
    parser.add_argument('--no-mirror', action='store_true', help='keep the images as they are, with left and '
                        'right swapped, as in the released code')
    parser.add_argument('--image-size', type=int, default=DEFAULT.image_size, help='px (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=DEFAULT.seed, help='of the draws (default: %(default)s)')
    parser.add_argument('--on-error', choices=['raise', 'skip'], default='raise',
                        help='what to do if a file is missing or broken (default: raise)')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    chosen = dict(num_clips=args.num_clips, per_clip=args.per_clip)
    if args.all:
        chosen = dict(num_clips=None, per_clip=None, centre_px=None, max_off_mask=None)
    options = SurrealOptions(**chosen, mirror=not args.no_mirror, image_size=args.image_size, seed=args.seed)
    with mistakes(ValueError, OSError, ImportError):
        report = convert(args.source, args.out, options, dict(type='SMPLBodyModel', model_path=args.model_path),
                         args.on_error)
    reasons = ', '.join(f'{count} {reason}' for reason, count in report['left_out'].items()) or 'nothing'
    print(f'{args.out}: {report["num"]} pairs of {report["clips"]} clips; left out: {reasons}')


def main(arguments: list[str] | None = None) -> int:
    """Convert; return the exit status."""
    return run_command('convert surreal', parse_args, run, arguments)
