"""Write a detector with its decoding as ONNX: ``python tools/export_onnx.py CONFIG CHECKPOINT OUT.onnx``

The graph takes crops (N, 3, S, S), BGR, 0 to 255, float32, and gives ``keypoints`` (N, H, K, 3) in the norm frame,
``scores`` and ``valid`` (N, H, K), and ``depth_heatmap`` (N, K, D). It is written only if it agrees with PyTorch.
"""
import argparse
import sys

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.apis import XASInferencer
from mmxas.apis.onnx_export import export_detector
from mmxas.cli.command_line import (
    NO_CHECKPOINT,
    KeyValueAction,
    UsageError,
    load_config,
    merge_options,
    require_checkpoint,
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write a detector with its decoding as one ONNX graph')
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('checkpoint', help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights')
    parser.add_argument('out', help='the .onnx file')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config: model.test_cfg.flip_test=False')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> str:
    """Export; return what was done in one line."""
    config = load_config(args.config)
    merge_options(config, args.cfg_options)
    weights = None if args.checkpoint == NO_CHECKPOINT else require_checkpoint(args.checkpoint)
    inferencer = XASInferencer(config, weights, device='cpu')
    largest = export_detector(inferencer.model, inferencer.cfg.model.data_preprocessor, inferencer.crop_size, args.out)
    return f'{args.out}: largest difference to PyTorch {largest:.1e}'


def main(arguments: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        print(run(args))
    except (UsageError, OSError, ValueError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
