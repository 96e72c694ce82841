"""``mmxas infer``: detect poses in a photo, a video, or a folder of either.

Errors of the command line are reported before the stack is loaded, which takes seconds: it is not imported here.
"""
from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mmxas.errors import UsageError

from .options import NO_CHECKPOINT, CommandParser, add_cfg_options, add_config
from .running import load_stack, mistakes, run_command

if TYPE_CHECKING:
    from mmxas.apis import XASInferencer

DEFAULT_MODEL = 'human'
FOUND = ('Boxes were found automatically, around whatever stands out. Check them in the {shown}; if they are wrong, '
         'give your own with {option} ({page})')
BOXES = {'given': '', 'found': ', found automatically', 'image': ', of the whole image: no box was given or found'}


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('infer', example='mmxas infer photo.jpg',
                           details='It writes visualizations/<name>.png and predictions/<name>.json; for a video, one '
                           'line per frame, tables and an overlay (docs/video.md). It uses weights that come with '
                           'mmxas, or CONFIG and CHECKPOINT.')
    parser.add_argument('input', help='an image, a video, a folder of images, or a folder of videos without images '
                                      '(other files are ignored)')
    add_config(parser, optional=True)
    parser.add_argument('checkpoint', nargs='?',
                        help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights; a file of mmxas export '
                             'onnx (*.onnx) runs in ONNX Runtime')
    parser.add_argument('--species', dest='model', metavar='NAME', help='instead of config and checkpoint: a '
                        f'model that comes with weights (docs/models.md); default: {DEFAULT_MODEL}')
    parser.add_argument('--out-dir', help='folder of the results; default: work_dirs/inference/<species>, or '
                                          'work_dirs/<name of the config>/inference; for a video, its name below it')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default: cpu)')
    parser.add_argument('--html', action='store_true', help='also write DIR/poses.html, an interactive page, as mmxas '
                        'view does')
    parser.add_argument('--bbox', nargs=4, type=float, action='append', metavar=('X0', 'Y0', 'X1', 'Y1'),
                        help='a box in px of the single image; repeat it for more. Default: found automatically')
    parser.add_argument('--boxes', help='a JSON file {"image.jpg": [[x0, y0, x1, y1], ...]} for a folder or a '
                        'video; [] for no body')
    parser.add_argument('--intrinsics', nargs=4, type=float, metavar=('FX', 'FY', 'CX', 'CY'),
                        help='camera in px; with --root-depth, poses are in mm, also in the camera frame')
    parser.add_argument('--root-depth', nargs='+', type=float, metavar='MM',
                        help='depth of the root in mm, one number or one per box')
    parser.add_argument('--no-pictures', action='store_true', help='write no pictures and no overlay')
    video = parser.add_argument_group('videos')
    video.add_argument('--video', action='store_true', help='the images of the folder, or of a pattern such as '
                                                            "'frames/*.png', are the frames of one video")
    video.add_argument('--fps', type=float, default=30.0, help='frame rate of these images (default: 30)')
    video.add_argument('--key-every', type=int, default=15, metavar='N',
                       help='find boxes and masks in every N-th frame, and interpolate in between (default: 15)')
    video.add_argument('--all-views', action='store_true', help='average over mirrored and zoomed views and search for '
                                                                'the facing, as in photos; much slower')
    video.add_argument('--smooth', action='store_true', help='smooth the selected poses in tables and overlay')
    video.add_argument('--overwrite', action='store_true', help='start over if the folder has results of another video '
                                                                'or of other options')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def find_clips(args: argparse.Namespace) -> list[Path]:
    """Return the input if it is a video, the videos of a folder without images, or nothing for photos."""
    from mmxas.io.image_folders import IMAGE_SUFFIXES, VIDEOS, natural_key
    source = Path(args.input)
    if args.video or source.suffix.lower() in VIDEOS:
        return [source]
    files = [path for path in source.iterdir() if path.is_file() and not path.name.startswith('._')] \
        if source.is_dir() else []
    if any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return []
    return sorted((path for path in files if path.suffix.lower() in VIDEOS), key=natural_key)


def given_boxes(args: argparse.Namespace, clips: list[Path]) -> list | str | None:
    """Return the boxes of ``--bbox``, or the file of ``--boxes``; ``clips`` are the videos of the input.

    Raises:
        UsageError: ``--boxes`` is not a file of boxes or is given for several videos, or ``--bbox`` for a video.
    """
    from mmxas.io.boxes import read_boxes
    if args.bbox is not None and clips:
        raise UsageError('--bbox is for a single image; give boxes of a video with --boxes FILE.json')
    if args.boxes is not None and len(clips) > 1:
        raise UsageError(f'--boxes is for a single video, and {args.input} has {len(clips)}: run them one by one')
    if args.boxes is None:
        return args.bbox
    try:
        read_boxes(args.boxes)
    except (OSError, ValueError) as error:
        raise UsageError(f'--boxes: {error}') from error
    return args.boxes


def read_camera(args: argparse.Namespace) -> dict | None:
    """Return the camera of ``--intrinsics`` and ``--root-depth``."""
    if args.intrinsics is None:
        return None
    fx, fy, cx, cy = args.intrinsics
    return dict(K=[[fx, 0, cx], [0, fy, cy], [0, 0, 1]], root_depth=args.root_depth)


def read_model(args: argparse.Namespace) -> tuple[str, str | None, Path]:
    """Return the config, the weights (None: untrained) and the folder of the results."""
    from mmxas.apis import find_model
    from mmxas.apis.checkpoint_files import require_checkpoint
    from mmxas.apis.configs import config_stem
    if args.config is None:
        name = args.model or DEFAULT_MODEL
        model = find_model(name)
        return str(model.config), str(model.require_weights()), Path(args.out_dir or f'work_dirs/inference/{name}')
    weights = None if args.checkpoint == NO_CHECKPOINT else require_checkpoint(args.checkpoint)
    out_dir = args.out_dir or Path('work_dirs') / config_stem(args.config) / 'inference'
    return args.config, weights, Path(out_dir)


def build_inferencer(args: argparse.Namespace, name: str, weights: str | None) -> XASInferencer:
    """Return the detector of a config with its weights, on the device of the command line."""
    from mmxas.apis import XASInferencer
    from mmxas.apis.configs import load_config, merge_options

    from .run_options import require_device
    config = load_config(name)
    merge_options(config, args.cfg_options)
    backend = 'onnxruntime' if Path(weights or '').suffix == '.onnx' else 'pytorch'
    device = require_device(args.device)
    return XASInferencer(config, weights, device=device, backend=backend)


def check_args(args: argparse.Namespace) -> None:
    """Check the command line before slow imports.

    Raises:
        UsageError: Options contradict each other, or the input does not exist.
    """
    if args.bbox is not None and (args.boxes is not None or Path(args.input).is_dir()):
        raise UsageError('--bbox is for a single image; give boxes of a folder with --boxes FILE.json')
    if (args.intrinsics is None) != (args.root_depth is None):
        raise UsageError('--intrinsics and --root-depth belong together: depths in mm need both')
    if args.config is not None and (args.model is not None or args.checkpoint is None):
        raise UsageError('give CONFIG and CHECKPOINT (none for untrained weights), or --species NAME alone')
    if args.key_every < 1:
        raise UsageError(f'--key-every {args.key_every}: expected 1 or more')
    if not 0 < args.fps < 1e4:
        raise UsageError(f'--fps {args.fps:g}: expected more than 0 and less than 10000')
    if not Path(args.input).exists() and not args.video:
        raise UsageError(f'{args.input}: no such image, video or folder')


def check_views(options: dict) -> None:
    """Raise if ``--cfg-options`` ask for views or a search that a video does not use without ``--all-views``.

    Raises:
        UsageError: They do.
    """
    from mmxas.apis.video_detection import ONE_VIEW
    for key, value in options.items():
        name = key.removeprefix('model.test_cfg.').partition('.')[0]
        if key.startswith('model.test_cfg.') and name in ONE_VIEW and value != ONE_VIEW[name]:
            raise UsageError(f'--cfg-options {key}: a video uses one view and no search for the facing; --all-views '
                             'uses them as in photos')


def counted(number: int, what: str) -> str:
    """Return a count with its noun: ``1 pose``, ``2 poses``."""
    return f'{number} {what}{"s" * (number != 1)}'


def detect(args: argparse.Namespace) -> int:
    """Detect, write results, and print a summary; return 1 if no body is found in a single image or a video.

    Raises:
        UsageError: An option of videos is given for photos, or views of photos for a video.
    """
    from .work_directory import require_place
    clips = find_clips(args)
    boxes, camera = given_boxes(args, clips), read_camera(args)
    of_videos = [f'--{name.replace("_", "-")}' for name in ('all_views', 'smooth', 'overwrite') if getattr(args, name)]
    if of_videos and not clips:
        raise UsageError(f'{", ".join(of_videos)}: for videos; --video makes one of a folder of images')
    if clips and not args.all_views:
        check_views(args.cfg_options or {})
    config, weights, out_dir = read_model(args)
    require_place(out_dir, 'output folder', '--out-dir')
    inferencer = build_inferencer(args, config, weights)
    if clips:
        return detect_in_videos(args, clips, inferencer, boxes, camera, out_dir)
    targets = dict(pred_out_dir=str(out_dir / 'predictions'))
    if not args.no_pictures:
        targets['vis_out_dir'] = str(out_dir / 'visualizations')
    images = instances = 0
    found = False
    for result in inferencer(args.input, bboxes=boxes, camera=camera, **targets):
        record = result['predictions'][0]
        images, instances = images + 1, instances + len(record['instances'])
        source = record['instances'][0]['box_source'] if record['instances'] else 'given'
        found |= source == 'found'
        print(f'{record["image"]}: {counted(len(record["instances"]), "pose")}{BOXES[source]}', flush=True)
    if found:
        print(FOUND.format(shown='predictions' if args.no_pictures else 'pictures', page='docs/inference.md',
                           option='--bbox X0 Y0 X1 Y1, or --boxes FILE.json for a folder'))
    if args.html:
        from .view import make_page
        make_page('infer', out_dir / 'predictions', run=inferencer.run)
    written = [str(out_dir / kind) for kind in ('visualizations', 'predictions')[args.no_pictures:]]
    if not Path(args.input).is_dir():
        stem = Path(args.input).stem
        written = [f'{folder}/{stem}.{suffix}' for folder, suffix in zip(written, ('png', 'json')[args.no_pictures:],
                                                                         strict=True)]
        if inferencer.nobody:
            print(f'mmxas infer: nobody found in {args.input}: give a box (--bbox X0 Y0 X1 Y1); see '
                  f'{" and ".join(written)}', file=sys.stderr)
            return 1
    empty = f', nobody found in {len(inferencer.nobody)}' if inferencer.nobody else ''
    skipped = f', {counted(len(inferencer.skipped), "unreadable image")} skipped' if inferencer.skipped else ''
    print(f'{counted(instances, "pose")} in {counted(images, "image")}{empty}{skipped}; see {" and ".join(written)}')
    return 0


def detect_in_videos(args: argparse.Namespace, clips: list[Path], inferencer: XASInferencer, boxes: str | None,
                     camera: dict | None, out_dir: Path) -> int:
    """Detect in each video; return 1 if one of several is skipped because of an error, or nobody is found in one."""
    status, stems = 0, Counter(clip.stem for clip in clips)
    for clip in clips:
        here = bool(args.out_dir) and clip == Path(args.input)
        name = clip.stem.strip('*.') or 'frames' if stems[clip.stem] == 1 else clip.name
        folder = out_dir if here else out_dir / name
        try:
            status = max(status, detect_in_video(args, clip, inferencer, boxes, camera, folder))
        except (OSError, ValueError) as error:
            if len(clips) == 1:
                raise
            print(f'mmxas infer: skipped: {error}', file=sys.stderr)
            status = 1
    return status


def detect_in_video(args: argparse.Namespace, clip: Path, inferencer: XASInferencer, boxes: str | None,
                    camera: dict | None, out_dir: Path) -> int:
    """Detect in a video, and print a summary; return 1 if nobody is found in any frame."""
    from mmxas.apis.video import infer_video
    result = infer_video(
        inferencer, clip, out_dir, boxes=boxes, camera=camera, key_every=args.key_every, all_views=args.all_views,
        smooth=args.smooth, overlay=not args.no_pictures, rate=args.fps, overwrite=args.overwrite, progress=True)
    if result.resumed:
        print(f'{counted(result.resumed, "frame")} were there from an earlier run')
    if result.unread:
        print(f'{counted(result.unread, "frame")} cannot be decoded and were left out')
    if not result.poses:
        print(f'mmxas infer: nobody found in the {counted(result.frames, "frame")} of {clip}: give boxes '
              f'(--boxes FILE.json); see {result.files[0]}', file=sys.stderr)
        return 1
    if result.left_out:
        print(result.left_out)
    if args.html:
        from .view import make_page
        make_page('infer', out_dir / 'predictions.jsonl')
    if boxes is None:
        print(FOUND.format(shown='overlay or the page', option='--boxes FILE.json', page='docs/video.md'))
    nobody = f', nobody found in {result.nobody}' if result.nobody else ''
    bodies = f'{result.identities} {"identity" if result.identities == 1 else "identities"}'
    print(f'{counted(result.poses, "pose")} of {bodies} in {counted(result.frames, "frame")}{nobody}; see '
          f'{out_dir}: {", ".join(path.name for path in result.files)}')
    return 0


def run(args: argparse.Namespace) -> int:
    """Check the command line, load the stack and detect; return the exit status of :func:`detect`."""
    check_args(args)
    load_stack()
    with mistakes(OSError, ValueError, ImportError, RuntimeError):
        return detect(args)


def main(arguments: list[str] | None = None) -> int:
    """Detect; return the exit status."""
    return run_command('infer', parse_args, run, arguments)
