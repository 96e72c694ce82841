"""``mmxas masks``: make masks for images, a video, or all that a config's data sets read.

Beside the masks it writes ``MASKS_report.json``, with those that look wrong, and ``MASKS_sheet.jpg`` to look at.
"""
import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from mmxas.apis.configs import load_config
from mmxas.datasets.dataset_masks import MaskSet, find_mask_sets
from mmxas.io.atomic_writes import write_whole
from mmxas.masks.frames import list_frames, split_bodies, spread
from mmxas.masks.mask_folder import MaskReport, generate_masks, inspect_masks
from mmxas.masks.saliency import default_segmenter
from mmxas.registry import SEGMENTERS
from mmxas.visualization import write_picture
from mmxas.visualization.mask_sheet import mask_sheet

from .options import CommandParser, KeyValueAction, not_negative, positive
from .running import mistakes, run_command

LISTED = 20


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('masks', example='mmxas masks photos --boxes boxes.json',
                           details='Runs that were killed are resumed by the same command. Beside the masks it '
                           'writes MASKS_report.json, with those that look wrong, and MASKS_sheet.jpg to look at. '
                           'The exit status is 1 where an image has no mask.')
    parser.add_argument('images', nargs='?', help='folder of images (with its subfolders), or a video file')
    parser.add_argument('--config', help='make the masks that the data sets of this config read, where they look for '
                        'them, by the boxes of their annotations')
    parser.add_argument('--out', help='folder of the masks; a/b.jpg has the mask a/b.png. Default: beside the images, '
                        'their name with _masks behind it')
    parser.add_argument('--segmenter', help=f'{", ".join(sorted(SEGMENTERS.module_dict))}, or one that CONFIG imports; '
                        'default: SaliencySegmenter, or GrabCutSegmenter where its weights are missing')
    parser.add_argument('--workers', type=not_negative, default=0, metavar='N', help='processes, each with a segmenter '
                        'of its own; 0, the default, works in this one')
    parser.add_argument('--options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help="the segmenter's arguments, such as weights=u2net or checkpoint=sam.pth")
    parser.add_argument('--boxes', help='json file of {image: [x0, y0, x1, y1]}, px; a list of boxes for '
                        'several bodies, with a mask each; [] for an image with nobody, whose mask is empty')
    parser.add_argument('--sequence', help='regular expression that finds the name of the camera in an image\'s name, '
                        'for BackgroundSubtractor; default: its folder')
    parser.add_argument('--compare', metavar='MASKS', help='folder of right masks: report the overlap (IoU) with them')
    parser.add_argument('--limit', type=positive, metavar='N', help='only this many images, evenly spread')
    parser.add_argument('--overwrite', action='store_true', help='make masks anew that are there')
    parser.add_argument('--sheet', type=int, default=64, metavar='N', help='masks on the contact sheet (default: 64)')
    args = parser.parse_args(arguments)
    if (args.images is None) == (args.config is None):
        parser.error('a folder, a video file or --config CONFIG expected, and only one of them')
    if args.config and (args.out or args.boxes or args.compare):
        parser.error('--config says where images, masks and boxes are: --out, --boxes and --compare do not go with it')
    if args.images is not None:
        images = Path(args.images)
        args.out = args.out or str(images.with_name(f'{images.stem if images.is_file() else images.name}_masks'))
    return args


def check_apart(images: str, out: str) -> None:
    """Refuse to write masks among the images, which they would replace.

    Raises:
        ValueError: The folder of the masks is that of the images, lies in it, or contains it.
    """
    source, target = Path(images).resolve(), Path(out).resolve()
    if source == target or (source.is_dir() and (source in target.parents or target in source.parents)):
        raise ValueError(f'--out {out}: a folder apart from the images expected, which lie in {images}: masks would '
                         'replace them, or count as images; give another folder, or leave --out away')


def find_sets(args: argparse.Namespace) -> list[MaskSet]:
    """What masks are to be made."""
    if args.config:
        return find_mask_sets(load_config(args.config))
    check_apart(args.images, args.out)
    return [MaskSet(Path(args.out), *split_bodies(list_frames(args.images), args.boxes))]


def make_masks(args: argparse.Namespace) -> Iterator[tuple[MaskReport, list[Path]]]:
    """Make and look over the masks of each folder; its report, and the files written: a report and, if any, a sheet."""
    sets = find_sets(args)
    config = {**(dict(type=args.segmenter) if args.segmenter else default_segmenter()), **args.options}
    segmenter = SEGMENTERS.build(config)
    for masks in sets:
        frames, boxes, out = masks.frames, masks.boxes, masks.out
        if args.limit is not None:
            frames = spread(frames, args.limit)
            boxes = {frame.name: boxes[frame.name] for frame in frames if frame.name in boxes}
        report = generate_masks(frames, out, segmenter, config, boxes, args.sequence, args.overwrite,
                                workers=args.workers)
        inspect_masks(frames, out, report, boxes, args.compare, workers=args.workers)
        written = [out.with_name(f'{out.name}_report.json')]
        write_whole(written[0], json.dumps(report.to_dict(), indent=1).encode())
        sheet = mask_sheet(frames, out, report, boxes, args.sheet)
        if sheet is not None:
            written.append(out.with_name(f'{out.name}_sheet.jpg'))
            write_picture(written[1], sheet)
        yield report, written


def print_report(report: MaskReport, written: list[Path]) -> None:
    """What came out, and the first of what looks wrong."""
    print(f'{report.total} images: {report.made} masks made, {report.kept} kept, {len(report.failed)} failed, '
          f'{len(report.wrong)} look wrong ({", ".join(map(str, written))})')
    for title, found in (('failed', report.failed), ('looks wrong', report.wrong)):
        for name, what in list(found.items())[:LISTED]:
            print(f'  {title}: {name}: {what if isinstance(what, str) else ", ".join(what)}')
        if len(found) > LISTED:
            print(f'  … and {len(found) - LISTED} more')
    if report.mean_iou is not None:
        print(f'mean IoU with known masks: {report.mean_iou:.4f} over {len(report.iou)} images')


def run(args: argparse.Namespace) -> int:
    """Make masks and print the reports; return 1 where an image has none."""
    failed = 0
    with mistakes(ValueError, OSError, ImportError, RuntimeError, TypeError, KeyError):
        for report, written in make_masks(args):
            print_report(report, written)
            failed += len(report.failed)
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    """Make masks; return the exit status."""
    return run_command('masks', parse_args, run, arguments)
