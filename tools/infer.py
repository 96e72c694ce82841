"""Detect poses: ``python tools/infer.py IMAGE_OR_FOLDER CONFIG CHECKPOINT|none [--bbox X0 Y0 X1 Y1] [--out-dir DIR]``

Writes ``visualizations/<name>.png`` and ``predictions/<name>.json``. ``none`` runs untrained weights.
"""
import argparse
import sys
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.apis import XASInferencer, command_line
from mmxas.apis.command_line import NO_CHECKPOINT, KeyValueAction, UsageError
from mmxas.compat.config_paths import PREFIX
from mmxas.safe_files import read_json


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Detect poses in a photo or a folder of photos')
    parser.add_argument('input', help='an image, or a folder with images (other files in it are left alone)')
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('checkpoint', help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights; a file of '
                                           'tools/export_onnx.py (*.onnx) runs by ONNX Runtime')
    parser.add_argument('--out-dir', help='folder of the results; default: work_dirs/<name of the config>/inference')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default: cpu)')
    parser.add_argument('--bbox', nargs=4, type=float, action='append', metavar=('X0', 'Y0', 'X1', 'Y1'),
                        help='a box in px of the single image; repeat it for more. Default: the whole image')
    parser.add_argument('--boxes', help='a JSON file {"image.jpg": [[x0, y0, x1, y1], ...]} for a folder')
    parser.add_argument('--intrinsics', nargs=4, type=float, metavar=('FX', 'FY', 'CX', 'CY'),
                        help='camera in px; with --root-depth poses are in mm, in the camera frame too')
    parser.add_argument('--root-depth', nargs='+', type=float, metavar='MM',
                        help='depth of the root in mm, one number or one a box')
    parser.add_argument('--no-pictures', action='store_true', help='write JSON only')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config: a.b=1 c="[1,2]"')
    return parser.parse_args(arguments)


def read_boxes(args: argparse.Namespace) -> list | dict | None:
    """Boxes of ``--bbox`` or ``--boxes``.

    Raises:
        UsageError: Both are given, or they do not fit the input.
    """
    if args.bbox is not None and (args.boxes is not None or Path(args.input).is_dir()):
        raise UsageError('--bbox is for a single image; give boxes of a folder by --boxes FILE.json')
    if args.boxes is None:
        return args.bbox
    try:
        boxes = read_json(args.boxes)
    except (OSError, ValueError) as error:
        raise UsageError(f'--boxes {args.boxes}: {error}') from error
    if not isinstance(boxes, dict):
        raise UsageError(f'--boxes {args.boxes}: {{"image.jpg": [[x0, y0, x1, y1], ...]}} expected')
    return boxes


def read_camera(args: argparse.Namespace) -> dict | None:
    """Camera of ``--intrinsics`` and ``--root-depth``.

    Raises:
        UsageError: One of them is missing.
    """
    if args.intrinsics is None and args.root_depth is None:
        return None
    if args.intrinsics is None or args.root_depth is None:
        raise UsageError('--intrinsics and --root-depth belong together: depths in mm need both')
    fx, fy, cx, cy = args.intrinsics
    return dict(K=[[fx, 0, cx], [0, fy, cy], [0, 0, 1]], root_depth=args.root_depth)


def build_inferencer(args: argparse.Namespace) -> XASInferencer:
    """The detector that the command line names, with the checkpoint that it names."""
    config = command_line.load_config(args.config)
    command_line.merge_options(config, args.cfg_options)
    weights = None if args.checkpoint == NO_CHECKPOINT else command_line.require_checkpoint(args.checkpoint)
    backend = 'onnxruntime' if Path(args.checkpoint).suffix == '.onnx' else 'pytorch'
    device = command_line.require_device(args.device)
    return XASInferencer(config, weights, device=device, backend=backend)


def run(args: argparse.Namespace) -> str:
    """Detect and write; return what was done in one line.

    Raises:
        UsageError: The command line does not fit together, or names something that is not there.
    """
    boxes, camera = read_boxes(args), read_camera(args)
    if not Path(args.input).exists():
        raise UsageError(f'{args.input}: no such image or folder')
    inferencer = build_inferencer(args)
    out_dir = Path(args.out_dir or Path('work_dirs') / Path(args.config.removeprefix(PREFIX)).stem / 'inference')
    targets = dict(pred_out_dir=str(out_dir / 'predictions'))
    if not args.no_pictures:
        targets['vis_out_dir'] = str(out_dir / 'visualizations')
    images = instances = 0
    for result in inferencer(args.input, bboxes=boxes, camera=camera, **targets):
        record = result['predictions'][0]
        images, instances = images + 1, instances + len(record['instances'])
        print(f'{record["image"]}: {len(record["instances"])} poses', flush=True)
    skipped = f', {len(inferencer.skipped)} unreadable images skipped' if inferencer.skipped else ''
    return f'{instances} poses in {images} images{skipped}; see {" and ".join(targets.values())}'


def main(arguments: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        print(run(args))
    except (UsageError, OSError, ValueError, ImportError, RuntimeError) as error:
        message = str(error)
    except KeyError as error:
        message = command_line.unknown_component(error)
        if message is None:
            raise
    else:
        return 0
    print(f'error: {message}', file=sys.stderr)
    return 1


if __name__ == '__main__':
    sys.exit(main())
