"""Draw what training will see: ``python tools/browse_dataset.py CONFIG [--out DIR | --sheet FILE.jpg]``.

One picture a sample: the crop, the mask over it, the skeleton where there are labels; targets beside their synthetic
partners. Data that the config renders on first use is rendered first.
"""
import argparse
import sys
from pathlib import Path

from mmengine.registry import init_default_scope

import mmxas  # noqa: F401  registers the components
from mmxas.apis.command_line import KeyValueAction, UsageError, load_config, merge_options, positive
from mmxas.registry import DATASETS
from mmxas.visualization import write_picture
from mmxas.visualization.contact_sheet import contact_sheet
from mmxas.visualization.sample_pictures import browse


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='default: train')
    parser.add_argument('--num', type=positive, default=16, help='samples, evenly spread (default: 16)')
    parser.add_argument('--seed', type=int, default=0, help='of the augmentation (default: 0)')
    parser.add_argument('--side', type=positive, default=160, help='of a panel in px (default: 160)')
    parser.add_argument('--out', help='folder of one picture a sample; default: work_dirs/<name of the config>/browse')
    parser.add_argument('--sheet', help='write one picture of all samples instead, to this file')
    parser.add_argument('--columns', type=positive, default=2, help='samples in a row of the sheet (default: 2)')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config')
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> str:
    """Draw; return where to."""
    cfg = load_config(args.config)
    merge_options(cfg, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    loader = cfg.get(f'{args.split}_dataloader')
    if loader is None:
        raise UsageError(f'{args.config}: no {args.split}_dataloader')
    pictures = browse(DATASETS.build(loader.dataset), args.num, args.seed, args.side)
    if args.sheet:
        write_picture(args.sheet, contact_sheet((picture for _, picture in pictures), args.columns))
        return args.sheet
    out = Path(args.out or Path('work_dirs') / Path(args.config).stem / 'browse')
    for index, picture in pictures:
        write_picture(out / f'{args.split}_{index:06d}.png', picture)
    return str(out)


def main(argv: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr and exit status 1."""
    try:
        print(f'drawn: {run(parse_args(argv))}')
    except (UsageError, ValueError, OSError, KeyError, TypeError, ImportError) as error:
        print(f'browse_dataset: {" ".join(str(error).split())}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
