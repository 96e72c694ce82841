"""Make masks for images or a video: ``python tools/generate_masks.py FOLDER [--boxes FILE.json]``.

Runs that were killed are resumed by the same command. Beside the masks it writes ``MASKS_report.json``, with those
that look wrong, and ``MASKS_sheet.jpg`` to look at. Exit status 1 for a mistake, or where an image has no mask.
"""
import argparse
import json
import sys
from pathlib import Path

from mmengine.config import DictAction

import mmxas  # noqa: F401  registers the components
from mmxas.apis.command_line import positive
from mmxas.registry import SEGMENTERS
from mmxas.segmentation.frames import list_frames, read_boxes, spread
from mmxas.segmentation.mask_folder import MaskReport, generate_masks, inspect_masks
from mmxas.segmentation.mask_sheet import mask_sheet
from mmxas.segmentation.saliency import default_segmenter
from mmxas.visualization import write_picture, write_whole

LISTED = 20


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', help='folder of images (with its subfolders), or a video file')
    parser.add_argument('--out', help='folder of the masks; a/b.jpg has the mask a/b.png. Default: beside the images, '
                        'their name with _masks behind it')
    parser.add_argument('--segmenter', choices=sorted(SEGMENTERS.module_dict),
                        help='default: SaliencySegmenter, or GrabCutSegmenter where its weights are missing')
    parser.add_argument('--options', nargs='+', action=DictAction, default={}, metavar='KEY=VALUE',
                        help="the segmenter's arguments, such as weights=u2net or checkpoint=sam.pth")
    parser.add_argument('--boxes', help='json file of {image: [x0, y0, x1, y1]}, px')
    parser.add_argument('--sequence', help='regular expression that finds the name of the camera in an image\'s name, '
                        'for BackgroundSubtractor; default: its folder')
    parser.add_argument('--compare', metavar='MASKS', help='folder of right masks: report the overlap (IoU) with them')
    parser.add_argument('--limit', type=positive, metavar='N', help='only this many images, evenly spread')
    parser.add_argument('--overwrite', action='store_true', help='make masks anew that are there')
    parser.add_argument('--sheet', type=int, default=64, metavar='N', help='masks on the contact sheet (default: 64)')
    args = parser.parse_args(argv)
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


def run(args: argparse.Namespace) -> tuple[MaskReport, list[Path]]:
    """Make, look over, and write the report and, if there is a mask, the sheet; which files these are."""
    check_apart(args.images, args.out)
    frames, boxes = list_frames(args.images), read_boxes(args.boxes) if args.boxes else {}
    if args.limit is not None:
        frames = spread(frames, args.limit)
        boxes = {frame.name: boxes[frame.name] for frame in frames if frame.name in boxes}
    config = {**(dict(type=args.segmenter) if args.segmenter else default_segmenter()), **args.options}
    report = generate_masks(frames, args.out, SEGMENTERS.build(config), config, boxes, args.sequence, args.overwrite)
    inspect_masks(frames, args.out, report, boxes, args.compare)
    out = Path(args.out)
    written = [out.with_name(f'{out.name}_report.json')]
    write_whole(written[0], json.dumps(report.to_dict(), indent=1).encode())
    sheet = mask_sheet(frames, out, report, boxes, args.sheet)
    if sheet is not None:
        written.append(out.with_name(f'{out.name}_sheet.jpg'))
        write_picture(written[1], sheet)
    return report, written


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


def main(argv: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr."""
    args = parse_args(argv)
    try:
        report, written = run(args)
    except (ValueError, OSError, ImportError, RuntimeError, TypeError) as error:
        print(f'generate_masks: {error}', file=sys.stderr)
        return 1
    print_report(report, written)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
