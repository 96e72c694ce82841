"""``mmxas browse``: draw network inputs, and count empty crops."""
import argparse
from pathlib import Path

from mmengine.registry import init_default_scope

from mmxas.apis.configs import config_stem, load_config, merge_options
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.errors import UsageError
from mmxas.registry import DATASETS, MODELS
from mmxas.visualization import write_picture
from mmxas.visualization.contact_sheet import contact_sheet
from mmxas.visualization.sample_pictures import browse

from .options import CommandParser, add_cfg_options, add_config, positive
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('browse', example='mmxas browse mmxas::xas_mocap.py',
                           details='Draws one sheet with, for each sample, the crop as it enters the backbone, its '
                           'mask, and the skeleton if there are labels; targets are beside their synthetic partners. '
                           'Data that the config renders is rendered first if missing.')
    add_config(parser)
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='default: train')
    parser.add_argument('--num', type=positive, default=16, help='samples, evenly spread (default: 16)')
    parser.add_argument('--seed', type=int, default=0, help='of the augmentation (default: 0)')
    parser.add_argument('--side', type=positive, default=160, help='of a panel in px (default: 160)')
    where = parser.add_mutually_exclusive_group()
    where.add_argument('--sheet', help='the file; default: work_dirs/<name of the config>/browse_<split>.jpg')
    where.add_argument('--out', help='write one picture per sample to this folder instead')
    parser.add_argument('--columns', type=positive, default=2, help='samples in a row of the sheet (default: 2)')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def draw(args: argparse.Namespace) -> str:
    """Draw; return a text with the output path and the empty crops.

    Raises:
        UsageError: The config has no such data set.
    """
    cfg = load_config(args.config)
    merge_options(cfg, args.cfg_options)
    share_config(cfg)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    loader = cfg.get(f'{args.split}_dataloader')
    if loader is None:
        raise UsageError(f'{args.config}: no {args.split}_dataloader')
    prepare_sets(cfg, [args.split])
    preprocessor = MODELS.build(cfg.get('model', {}).get('data_preprocessor') or dict(type='BaseDataPreprocessor'))
    samples = list(browse(DATASETS.build(loader.dataset), args.num, preprocessor, args.seed, args.side,
                          training=args.split == 'train'))
    where = args.out or args.sheet or str(
        Path('work_dirs') / config_stem(args.config) / f'browse_{args.split}.jpg')
    if args.out:
        for sample in samples:
            write_picture(Path(args.out) / f'{args.split}_{sample.index:06d}.png', sample.picture)
    else:
        write_picture(where, contact_sheet((sample.picture for sample in samples), args.columns))
    empty = [name for sample in samples for name in sample.empty]
    counted = f'{len(empty)} of {sum(sample.num_crops for sample in samples)} crops are empty'
    shares = [100 * share for sample in samples for share in sample.foreground]
    taken = (f'\n{len(shares)} masks: foreground is {min(shares):.1f} to {max(shares):.1f} % of a crop, '
             f'{sum(shares) / len(shares):.1f} % on average') if shares else ''
    return f'drawn: {where}\n{counted}{": " if empty else ""}{", ".join(empty)}{taken}'


def run(args: argparse.Namespace) -> None:
    """Draw, and print the text of :func:`draw`."""
    with mistakes(ValueError, OSError, KeyError, TypeError, ImportError):
        print(draw(args))


def main(arguments: list[str] | None = None) -> int:
    """Draw; return the exit status."""
    return run_command('browse', parse_args, run, arguments)
