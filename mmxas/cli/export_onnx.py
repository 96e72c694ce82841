"""``mmxas export onnx``: write a detector with its decoding as one ONNX graph.

The graph maps crops (N, 3, S, S), BGR, 0 to 255, float32, to ``keypoints`` (N, H, K, 3) in crop-normalised coordinates,
``scores`` and ``valid`` (N, H, K), and ``depth_heatmap`` (N, K, D). It is written only if it agrees with PyTorch.
"""
import argparse

from mmxas.apis import XASInferencer
from mmxas.apis.checkpoint_files import require_checkpoint
from mmxas.apis.configs import load_config, merge_options
from mmxas.apis.onnx_export import export_detector

from .options import NO_CHECKPOINT, CommandParser, add_cfg_options, add_config
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('export onnx', example='mmxas export onnx mmxas::xas_mocap.py checkpoint.pth detector.onnx',
                           details='The graph is written only if its results agree with PyTorch.')
    add_config(parser)
    parser.add_argument('checkpoint', help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights')
    parser.add_argument('out', help='the .onnx file')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Export, and print one line."""
    with mistakes(OSError, ValueError, ImportError):
        config = load_config(args.config)
        merge_options(config, args.cfg_options)
        weights = None if args.checkpoint == NO_CHECKPOINT else require_checkpoint(args.checkpoint)
        inferencer = XASInferencer(config, weights, device='cpu')
        largest = export_detector(inferencer.model, inferencer.cfg.model.data_preprocessor, inferencer.crop_size,
                                  args.out)
    print(f'{args.out}: largest difference to PyTorch {largest:.1e}')


def main(arguments: list[str] | None = None) -> int:
    """Export; return the exit status."""
    return run_command('export onnx', parse_args, run, arguments)
