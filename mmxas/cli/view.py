"""``mmxas view``: write one HTML file that shows the results of ``mmxas infer``."""
from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

from mmxas.errors import UsageError
from mmxas.io.image_folders import VIDEOS
from mmxas.visualization.page import MAX_BYTES
from mmxas.visualization.predictions_folder import MAX_FRAMES, write_folder_page

from .options import CommandParser, positive
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('view', example='mmxas view work_dirs/inference/human',
                           details='The page has the photos or the video with the poses on them, the hypotheses in 3D, '
                           'depths and scores; it opens in any browser, without a server or a network.')
    parser.add_argument('folder', metavar='DIR', help='the --out-dir of mmxas infer; its predictions (photos) or its '
                        'predictions.jsonl (a video), if it has both')
    parser.add_argument('--out', metavar='FILE', help='default: DIR/poses.html')
    parser.add_argument('--every', type=positive, metavar='N', help='show every N-th photo or frame; default: all '
                        f'photos, and at most {MAX_FRAMES} frames of a video')
    parser.add_argument('--max-mb', type=positive, default=MAX_BYTES // 1_000_000, metavar='MB',
                        help='maximum size of the page; the quality of images is reduced to fit (default: %(default)s)')
    parser.add_argument('--notice', metavar='FILE', help="text for the foot of the page, such as the images' licence")
    return parser.parse_args(arguments)


def make_page(command: str, folder: str | Path, out: str | Path | None = None, **options: Any) -> None:
    """Write the page of a folder, print its path and size, and print each warning on its own line.

    Args:
        command: The subcommand, named in warnings.
        folder: As in :func:`~mmxas.visualization.predictions_folder.write_folder_page`.
        out: The file.
        **options: Further arguments of that function.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: A prediction is broken, or the page does not fit into the requested size.
    """
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always', UserWarning)
        path = write_folder_page(folder, out, **options)
    for warning in found:
        print(f'mmxas {command}: {warning.message}', file=sys.stderr)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB, for any browser', flush=True)


def run(args: argparse.Namespace) -> None:
    """Write the page.

    Raises:
        UsageError: An option or a file is wrong.
    """
    if Path(args.folder).suffix.lower() in VIDEOS:
        raise UsageError(f'{args.folder}: a video; mmxas infer {args.folder} --html finds its poses and writes the '
                         'page')
    if args.out is not None and Path(args.out).is_dir():
        raise UsageError(f'--out {args.out}: a folder; give a file, such as {Path(args.out) / "poses.html"}')
    with mistakes(OSError, ValueError):
        notice = '' if args.notice is None else Path(args.notice).read_text(encoding='utf-8')
        make_page('view', args.folder, args.out, every=args.every, max_bytes=args.max_mb * 1_000_000, notice=notice)


def main(arguments: list[str] | None = None) -> int:
    """Write the page; return the exit status."""
    return run_command('view', parse_args, run, arguments)
