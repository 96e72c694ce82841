"""``mmxas convert``: convert published data sets, and checkpoints from and to the paper's released code."""
import argparse
from functools import partial

from mmxas.apis.configs import load_config
from mmxas.datasets.converters import h36m, mpi_inf_3dhp, mpii, surreal
from mmxas.models.conversion import convert_from_released, convert_to_released

from .options import CommandParser
from .running import mistakes, run_command

RESUMES = 'A second run resumes an interrupted one and changes nothing else.'
RELEASED_CONFIG = 'mmxas::xas_h36m_released.py'
SURREAL = surreal.SurrealOptions()


def parse_h36m(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert h36m``."""
    parser = CommandParser('convert h36m', example='mmxas convert h36m archive data/h36m --step 5 --masks',
                           details=RESUMES)
    parser.add_argument('archive', help='folder with S1/Videos, S1/MyPoseFeatures/D2_Positions and so on')
    parser.add_argument('out', help='folder to write, such as data/h36m')
    parser.add_argument('--metadata', help='metadata.xml; default: the one in ARCHIVE')
    parser.add_argument('--step', type=int, default=5, help='use every n-th frame of 50 per second (default: 5)')
    parser.add_argument('--subjects', nargs='+', default=h36m.TRAIN + h36m.TEST, help='default: all with poses')
    parser.add_argument('--masks', action='store_true', help="also write masks from the archive's background masks")
    add_on_error(parser)
    return parser.parse_args(arguments)


def run_h36m(args: argparse.Namespace) -> None:
    """Convert Human3.6M's archive (CDF files, videos, metadata.xml) to mmpose's layout."""
    with mistakes(ValueError, OSError, ImportError):
        counts = h36m.convert(args.archive, args.out, args.metadata, args.step, args.subjects, args.on_error,
                              args.masks)
    print_counts(args.out, counts, 'frames')


def parse_mpi_inf_3dhp(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert mpi-inf-3dhp``."""
    parser = CommandParser(
        'convert mpi-inf-3dhp', example='mmxas convert mpi-inf-3dhp archive data/mpi_inf_3dhp --masks',
        details=RESUMES)
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
    add_on_error(parser)
    return parser.parse_args(arguments)


def run_mpi_inf_3dhp(args: argparse.Namespace) -> None:
    """Convert MPI-INF-3DHP, as downloaded by its scripts, to npz files."""
    with mistakes(ValueError, OSError, ImportError):
        counts = mpi_inf_3dhp.convert(args.archive, args.out, args.subjects, args.cameras, args.step, args.masks,
                                      args.chairs, args.on_error)
    print_counts(args.out, counts, 'frames')


def parse_mpii(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert mpii``."""
    parser = CommandParser('convert mpii', example='mmxas convert mpii mpii_human_pose_v1_u12_1.mat data/mpii',
                           details='A second run changes nothing.')
    parser.add_argument('mat', help='mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('out', help='folder to write, such as data/mpii')
    parser.add_argument('--val-list', help='images of the validation set: names in a text file, or a json of mmpose '
                        '(default: mpii_trainval.json alone is written)')
    return parser.parse_args(arguments)


def run_mpii(args: argparse.Namespace) -> None:
    """Convert the official annotations of MPII to the json files of mmpose's layout."""
    with mistakes(ValueError, OSError):
        counts = mpii.convert(args.mat, args.out, args.val_list)
    print_counts(args.out, counts, 'people')


def parse_surreal(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert surreal``."""
    parser = CommandParser('convert surreal', example='mmxas convert surreal SURREAL/data/cmu/train data/surreal',
                           details=f'By default it samples and filters like the released code. {RESUMES}')
    parser.add_argument('source', help='folder such as SURREAL/data/cmu/train, searched with its subfolders')
    parser.add_argument('out', help='folder of the shards, such as data/surreal')
    parser.add_argument('--model-path', default='official', help='SMPL: a file or folder; `free` is for tests, its '
                        'keypoints do not fit the images (default: official, in $SMPL_MODEL_DIR or the usual folders)')
    parser.add_argument('--num-clips', type=int, default=SURREAL.num_clips, help='clips to draw (default: %(default)s)')
    parser.add_argument('--per-clip', type=int, default=SURREAL.per_clip, help='frames of each (default: %(default)s)')
    parser.add_argument('--all', action='store_true', help='all frames of all clips, without the released filters')
    parser.add_argument('--no-mirror', action='store_true', help='keep the images as they are, with left and '
                        'right swapped, as in the released code')
    parser.add_argument('--image-size', type=int, default=SURREAL.image_size, help='px (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=SURREAL.seed, help='of the draws (default: %(default)s)')
    add_on_error(parser)
    return parser.parse_args(arguments)


def run_surreal(args: argparse.Namespace) -> None:
    """Convert SURREAL (mp4, _info.mat, _segm.mat) to shards for SyntheticPairDataset."""
    chosen = dict(num_clips=args.num_clips, per_clip=args.per_clip)
    if args.all:
        chosen = dict(num_clips=None, per_clip=None, centre_px=None, max_off_mask=None)
    options = surreal.SurrealOptions(**chosen, mirror=not args.no_mirror, image_size=args.image_size, seed=args.seed)
    with mistakes(ValueError, OSError, ImportError):
        report = surreal.convert(args.source, args.out, options,
                                 dict(type='SMPLBodyModel', model_path=args.model_path), args.on_error)
    reasons = ', '.join(f'{count} {reason}' for reason, count in report['left_out'].items()) or 'nothing'
    print(f'{args.out}: {report["num"]} pairs of {report["clips"]} clips; left out: {reasons}')


def parse_from_released(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert from-released``."""
    parser = CommandParser(
        'convert from-released', example='mmxas convert from-released 00014_ckpt.pth.tar released.pth')
    parser.add_argument('source', metavar='IN', help='the released file; nothing of it is executed')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default=RELEASED_CONFIG, help='config that will load it (default: %(default)s)')
    return parser.parse_args(arguments)


def run_from_released(args: argparse.Namespace) -> None:
    """Convert a checkpoint of the paper's released code to mmxas."""
    with mistakes(OSError, ValueError):
        converted = convert_from_released(args.source, args.out, load_config(args.config))
    print(f'{args.out}: {len(converted.state_dict)} tensors of {args.source}, epoch {converted.epochs}')
    if converted.body_model:
        print(f'left out: {len(converted.body_model)} buffers of the body model ({converted.body_model[0]}, …)')
    if converted.left_out:
        print(f'left out: {", ".join(converted.left_out)}')


def parse_to_released(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``convert to-released``."""
    parser = CommandParser('convert to-released', example='mmxas convert to-released epoch_65.pth mine.pth.tar')
    parser.add_argument('source', metavar='IN', help='a checkpoint of mmxas')
    parser.add_argument('out', metavar='OUT', help='the new file')
    parser.add_argument('--config', default=RELEASED_CONFIG, help='config of the checkpoint (default: %(default)s)')
    parser.add_argument('--smpl-from', metavar='FILE', help='a released file to copy the smpl_layer buffers from, '
                        'which the released code needs to load a checkpoint')
    return parser.parse_args(arguments)


def run_to_released(args: argparse.Namespace) -> None:
    """Convert a checkpoint of mmxas to the layout of the paper's released code."""
    with mistakes(OSError, ValueError):
        content = convert_to_released(args.source, args.out, load_config(args.config), args.smpl_from)
    sizes = ', '.join(f'{len(part)} tensors in {name}' for name, part in content.items() if isinstance(part, dict))
    print(f'{args.out}: {sizes}; the states of the optimizers are not converted')


def add_on_error(parser: argparse.ArgumentParser) -> None:
    """Add ``--on-error``."""
    parser.add_argument('--on-error', choices=['raise', 'skip'], default='raise',
                        help='what to do if a file is missing or broken (default: raise)')


def print_counts(out: str, counts: dict[str, int], unit: str) -> None:
    """Print how many frames, or people, were written for each split."""
    print(f'{out}: ' + ', '.join(f'{count} {unit} for {split}' for split, count in counts.items()))


main_h36m = partial(run_command, 'convert h36m', parse_h36m, run_h36m)
main_mpi_inf_3dhp = partial(run_command, 'convert mpi-inf-3dhp', parse_mpi_inf_3dhp, run_mpi_inf_3dhp)
main_mpii = partial(run_command, 'convert mpii', parse_mpii, run_mpii)
main_surreal = partial(run_command, 'convert surreal', parse_surreal, run_surreal)
main_from_released = partial(run_command, 'convert from-released', parse_from_released, run_from_released)
main_to_released = partial(run_command, 'convert to-released', parse_to_released, run_to_released)
