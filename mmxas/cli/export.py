"""``mmxas export``: write predictions, rendered pairs and detectors for other programs."""
import argparse
from functools import partial

from mmxas.apis import XASInferencer
from mmxas.apis.checkpoint_files import require_checkpoint
from mmxas.apis.configs import load_config, merge_options
from mmxas.apis.onnx_export import export_detector
from mmxas.interop import write_keypoints
from mmxas.interop.prediction_records import read_predictions
from mmxas.synthesis.shards import export_pairs

from .options import NO_CHECKPOINT, CommandParser, add_cfg_options, add_config
from .running import mistakes, run_command


def parse_predictions(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``export predictions``."""
    parser = CommandParser('export predictions', example='mmxas export predictions out/predictions predictions.csv')
    parser.add_argument('predictions', help='a .json file of mmxas infer, or its folder predictions')
    parser.add_argument('out', help='.csv or .h5 for DeepLabCut, .json for COCO, .slp for SLEAP')
    parser.add_argument('--scorer', default='mmxas', help='name that DeepLabCut shows (default: mmxas)')
    parser.add_argument('--top1', action='store_true', help='the top-1 hypothesis only')
    parser.add_argument('--flat', action='store_true', help='x and y of the top-1 hypothesis only')
    parser.add_argument('--run', choices=['last', 'all'], help='which runs, if PREDICTIONS has files of several')
    return parser.parse_args(arguments)


def run_predictions(args: argparse.Namespace) -> None:
    """Convert predictions to another program's format."""
    with mistakes(ValueError, OSError, ImportError):
        table = read_predictions(args.predictions, args.scorer, args.run)
        table = table.flat() if args.flat else table.top1() if args.top1 else table
        write_keypoints(table, args.out)
    print(f'{args.out}: {len(table.images)} poses, {len(table.scorers)} hypotheses each, of {len(table.names)} '
          f'keypoints in {", ".join(table.units)}')


def parse_pairs(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``export pairs``."""
    parser = CommandParser('export pairs', example='mmxas export pairs data/mocap_human/test --out pairs')
    parser.add_argument('shards', help='folder of pairs, such as data/mocap_human/test')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument('--num', type=int, help='at most this many, evenly spread (default: all)')
    return parser.parse_args(arguments)


def run_pairs(args: argparse.Namespace) -> None:
    """Write rendered pairs as images/, masks/ and boxes.json."""
    with mistakes(ValueError, OSError):
        written = export_pairs(args.shards, args.out, args.num)
    print(f'{written} pairs in {args.out}')


def parse_onnx(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of ``export onnx``."""
    parser = CommandParser('export onnx', example='mmxas export onnx mmxas::xas_mocap.py checkpoint.pth detector.onnx',
                           details='The graph is written only if its results agree with PyTorch.')
    add_config(parser)
    parser.add_argument('checkpoint', help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights')
    parser.add_argument('out', help='the .onnx file')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def run_onnx(args: argparse.Namespace) -> None:
    """Write a detector with its decoding as one ONNX graph.

    The graph maps crops (N, 3, S, S), BGR, 0 to 255, float32, to ``keypoints`` (N, H, K, 3) in crop-normalised
    coordinates, ``scores`` and ``valid`` (N, H, K), and ``depth_heatmap`` (N, K, D).
    """
    with mistakes(OSError, ValueError, ImportError):
        config = load_config(args.config)
        merge_options(config, args.cfg_options)
        weights = None if args.checkpoint == NO_CHECKPOINT else require_checkpoint(args.checkpoint)
        inferencer = XASInferencer(config, weights, device='cpu')
        largest = export_detector(inferencer.model, inferencer.cfg.model.data_preprocessor, inferencer.crop_size,
                                  args.out)
    print(f'{args.out}: largest difference to PyTorch {largest:.1e}')


main_predictions = partial(run_command, 'export predictions', parse_predictions, run_predictions)
main_pairs = partial(run_command, 'export pairs', parse_pairs, run_pairs)
main_onnx = partial(run_command, 'export onnx', parse_onnx, run_onnx)
