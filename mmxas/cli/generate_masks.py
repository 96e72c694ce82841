"""``mmxas masks``: make masks for images, a video, or all data sets of a config.

Next to the masks it writes ``MASKS_report.json``, with suspicious masks, and the contact sheet ``MASKS_sheet.jpg``.
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
                           details='The same command resumes an interrupted run. Next to the masks it writes '
                           'MASKS_report.json, with suspicious masks, and the contact sheet MASKS_sheet.jpg. '
                           'The exit status is 1 if an image has no mask.')
    parser.add_argument('images', nargs='?', help='folder of images (with its subfolders), or a video file')
    parser.add_argument('--config', help='make the masks that the data sets of this config read, at their paths, '
                        'using the boxes of the annotations')
    parser.add_argument('--out', help='folder of the masks; a/b.jpg has the mask a/b.png. Default: next to the images, '
                        'their name with the suffix _masks')
    parser.add_argument('--segmenter', help=f'{", ".join(sorted(SEGMENTERS.module_dict))}, or one that CONFIG imports; '
                        'default: SaliencySegmenter, or GrabCutSegmenter where its weights are missing')
    parser.add_argument('--workers', type=not_negative, default=0, metavar='N', help='processes, each with its own '
                        'segmenter; 0, the default, uses this process')
    parser.add_argument('--options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help="the segmenter's arguments, such as weights=u2net or checkpoint=sam.pth")
    parser.add_argument('--boxes', help='json file of {image: [x0, y0, x1, y1]}, px; a list of boxes for '
                        'several bodies, with one mask per body; [] for an image without a body (empty mask)')
    parser.add_argument('--sequence', help='regular expression that matches the camera in an image\'s name, '
                        'for BackgroundSubtractor; default: its folder')
    parser.add_argument('--compare', metavar='MASKS', help='folder of correct masks: report the IoU with them')
    parser.add_argument('--limit', type=positive, metavar='N', help='only this many images, evenly spread')
    parser.add_argument('--overwrite', action='store_true', help='make existing masks again')
    parser.add_argument('--sheet', type=int, default=64, metavar='N', help='masks on the contact sheet (default: 64)')
    args = parser.parse_args(arguments)
    if (args.images is None) == (args.config is None):
        parser.error('give a folder, a video file or --config CONFIG, and only one of them')
    if args.config and (args.out or args.boxes or args.compare):
        parser.error('--config defines images, masks and boxes: do not combine it with --out, --boxes or --compare')
    if args.images is not None:
        images = Path(args.images)
        args.out = args.out or str(images.with_name(f'{images.stem if images.is_file() else images.name}_masks'))
    return args


def check_apart(images: str, out: str) -> None:
    """Raise if masks would be written into the folder of the images.

    Raises:
        ValueError: One of both folders is, or contains, the other.
    """
    source, target = Path(images).resolve(), Path(out).resolve()
    if source == target or (source.is_dir() and (source in target.parents or target in source.parents)):
        raise ValueError(f'--out {out}: overlaps with the folder of the images, {images}: masks could replace '
                         'images or be read as images; give another folder, or omit --out')


def find_sets(args: argparse.Namespace) -> list[MaskSet]:
    """Return the sets of masks to make."""
    if args.config:
        return find_mask_sets(load_config(args.config))
    check_apart(args.images, args.out)
    return [MaskSet(Path(args.out), *split_bodies(list_frames(args.images), args.boxes))]


def make_masks(args: argparse.Namespace) -> Iterator[tuple[MaskReport, list[Path]]]:
    """Make and inspect the masks of each folder; yield its report and the written files (report, and sheet if any)."""
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
    """Print the counts, and the first suspicious masks."""
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
    """Make masks and print the reports; return 1 if an image has none."""
    failed = 0
    with mistakes(ValueError, OSError, ImportError, RuntimeError, TypeError, KeyError):
        for report, written in make_masks(args):
            print_report(report, written)
            failed += len(report.failed)
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    """Make masks; return the exit status."""
    return run_command('masks', parse_args, run, arguments)
