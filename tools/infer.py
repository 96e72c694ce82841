"""Detect poses: ``python tools/infer.py IMAGE_FOLDER_OR_VIDEO [--species NAME] [--bbox X0 Y0 X1 Y1] [--out-dir DIR]``

Writes ``visualizations/<name>.png`` and ``predictions/<name>.json``, by weights that come with mmxas. For others:
``python tools/infer.py INPUT CONFIG CHECKPOINT``; ``none`` in the place of CHECKPOINT runs untrained weights.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # mmxas takes seconds to import: a mistake on the command line is told before
    from mmxas.apis import XASInferencer

DEFAULT_SPECIES = 'human'
BOXES = {'given': '', 'found': ', by what stands out', 'image': ', of the whole image: no box was given or found'}


class KeyValueAction(argparse.Action):
    """That of :mod:`mmxas.cli.command_line`, imported where it is used."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:  # noqa: ANN001, D102  argparse's
        from mmxas.cli import command_line
        command_line.KeyValueAction([option_string], self.dest, nargs='+')(parser, namespace, values, option_string)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Detect poses in a photo or a folder of photos')
    parser.add_argument('input', help='an image, a video, or a folder with images (other files in it are left alone)')
    parser.add_argument('config', nargs='?', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('checkpoint', nargs='?',
                        help="a checkpoint file, or 'none' for untrained weights; a file of "
                             'tools/export_onnx.py (*.onnx) runs by ONNX Runtime')
    parser.add_argument('--species', metavar='NAME', help='in the place of config and checkpoint: a model that comes '
                        f'with weights (docs/models.md); default: {DEFAULT_SPECIES}')
    parser.add_argument('--out-dir', help='folder of the results; default: work_dirs/inference/<species>, or '
                                          'work_dirs/<name of the config>/inference')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0, ... (default: cpu)')
    parser.add_argument('--bbox', nargs=4, type=float, action='append', metavar=('X0', 'Y0', 'X1', 'Y1'),
                        help='a box in px of the single image; repeat it for more. Default: what stands out')
    parser.add_argument('--boxes', help='a JSON file {"image.jpg": [[x0, y0, x1, y1], ...]} for a folder or a '
                        'video; [] for nobody')
    parser.add_argument('--intrinsics', nargs=4, type=float, metavar=('FX', 'FY', 'CX', 'CY'),
                        help='camera in px; with --root-depth poses are in mm, in the camera frame too')
    parser.add_argument('--root-depth', nargs='+', type=float, metavar='MM',
                        help='depth of the root in mm, one number or one a box')
    parser.add_argument('--no-pictures', action='store_true', help='write JSON only')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config: a.b=1 c="[1,2]"')
    return parser.parse_args(arguments)


def is_several(path: str) -> bool:
    """Whether the input holds several images: a folder, or a video."""
    from mmxas.apis import is_video
    return Path(path).is_dir() or is_video(path)


def given_boxes(args: argparse.Namespace) -> list | dict | None:
    """Boxes of ``--bbox`` or ``--boxes``.

    Raises:
        UsageError: ``--boxes`` is no file of boxes, or ``--bbox`` is given for a video.
    """
    from mmxas.cli.command_line import UsageError
    from mmxas.io.boxes import read_boxes
    if args.bbox is not None and is_several(args.input):
        raise UsageError('--bbox is for a single image; give boxes of a video by --boxes FILE.json')
    if args.boxes is None:
        return args.bbox
    try:
        return read_boxes(args.boxes)
    except (OSError, ValueError) as error:
        raise UsageError(f'--boxes: {error}') from error


def read_camera(args: argparse.Namespace) -> dict | None:
    """Camera of ``--intrinsics`` and ``--root-depth``."""
    if args.intrinsics is None:
        return None
    fx, fy, cx, cy = args.intrinsics
    return dict(K=[[fx, 0, cx], [0, fy, cy], [0, 0, 1]], root_depth=args.root_depth)


def read_model(args: argparse.Namespace) -> tuple[str, str | None, Path]:
    """Return the config, the weights (None: untrained) and the folder of the results.

    Raises:
        UsageError: The checkpoint is not there.
    """
    from mmxas.apis import find_model
    from mmxas.cli import command_line
    from mmxas.compat.config_paths import PREFIX
    if args.config is None:
        name = args.species or DEFAULT_SPECIES
        model = find_model(name)
        return str(model.config), str(model.require_weights()), Path(args.out_dir or f'work_dirs/inference/{name}')
    untrained = args.checkpoint == command_line.NO_CHECKPOINT
    weights = None if untrained else command_line.require_checkpoint(args.checkpoint)
    stem = Path(args.config.removeprefix(PREFIX)).stem
    return args.config, weights, Path(args.out_dir or Path('work_dirs') / stem / 'inference')


def build_inferencer(args: argparse.Namespace, name: str, weights: str | None) -> XASInferencer:
    """Return the detector of a config with its weights, on the device that the command line names."""
    from mmxas.apis import XASInferencer
    from mmxas.cli import command_line
    config = command_line.load_config(name)
    command_line.merge_options(config, args.cfg_options)
    backend = 'onnxruntime' if Path(weights or '').suffix == '.onnx' else 'pytorch'
    device = command_line.require_device(args.device)
    return XASInferencer(config, weights, device=device, backend=backend)


def check_args(args: argparse.Namespace) -> None:
    """Look whether the command line fits together, before anything is imported that takes time.

    Raises:
        ValueError: It does not, or the input is not there.
    """
    if args.bbox is not None and (args.boxes is not None or Path(args.input).is_dir()):
        raise ValueError('--bbox is for a single image; give boxes of a folder by --boxes FILE.json')
    if (args.intrinsics is None) != (args.root_depth is None):
        raise ValueError('--intrinsics and --root-depth belong together: depths in mm need both')
    if args.config is not None and (args.species is not None or args.checkpoint is None):
        raise ValueError('give CONFIG and CHECKPOINT (none for untrained weights), or --species NAME alone')
    if not Path(args.input).exists():
        raise ValueError(f'{args.input}: no such image, video or folder')


def counted(number: int, what: str) -> str:
    """``1 pose``, ``2 poses``."""
    return f'{number} {what}{"s" * (number != 1)}'


def run(args: argparse.Namespace) -> str:
    """Detect and write; return what was done in one line.

    Raises:
        UsageError: The command line names something that is not there, or nobody is found in a single image.
    """
    from mmxas.cli.command_line import UsageError
    boxes, camera = given_boxes(args), read_camera(args)
    config, weights, out_dir = read_model(args)
    inferencer = build_inferencer(args, config, weights)
    targets = dict(pred_out_dir=str(out_dir / 'predictions'))
    if not args.no_pictures:
        targets['vis_out_dir'] = str(out_dir / 'visualizations')
    images = instances = 0
    for result in inferencer(args.input, bboxes=boxes, camera=camera, **targets):
        record = result['predictions'][0]
        images, instances = images + 1, instances + len(record['instances'])
        guessed = BOXES[record['instances'][0]['box_source']] if record['instances'] else ''
        print(f'{record["image"]}: {counted(len(record["instances"]), "pose")}{guessed}', flush=True)
    written = [str(out_dir / kind) for kind in ('visualizations', 'predictions')[args.no_pictures:]]
    if not is_several(args.input):
        stem = Path(args.input).stem
        written = [f'{folder}/{stem}.{suffix}' for folder, suffix in zip(written, ('png', 'json')[args.no_pictures:],
                                                                         strict=True)]
        if inferencer.nobody:
            raise UsageError(f'nobody found in {args.input}: give a box (--bbox X0 Y0 X1 Y1); see '
                             f'{" and ".join(written)}')
    empty = f', nobody found in {len(inferencer.nobody)}' if inferencer.nobody else ''
    skipped = f', {counted(len(inferencer.skipped), "unreadable image")} skipped' if inferencer.skipped else ''
    return f'{counted(instances, "pose")} in {counted(images, "image")}{empty}{skipped}; see {" and ".join(written)}'


def main(arguments: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        check_args(args)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component
    from mmxas.cli import command_line
    from mmxas.cli.command_line import UsageError
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
