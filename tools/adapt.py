"""Adapt a detector to your own images, without labels: ``python tools/adapt.py FOLDER_OR_VIDEO [--species NAME]``

Makes masks, trains the last stage of the detector's config on them, keeps the best weights and predicts. An
interrupted run goes on by the same command. docs/adaptation.md says more.
"""
import argparse
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.apis import find_model, known_models
from mmxas.apis.adapt import Adaptation, summary
from mmxas.cli import command_line
from mmxas.cli.command_line import KeyValueAction, UsageError, positive
from mmxas.io import read_json
from mmxas.io.boxes import read_boxes

DEFAULT_SPECIES = 'human'


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Adapt a detector to images without labels')
    parser.add_argument('images', help='a folder of images (with its subfolders), or a video')
    parser.add_argument('--species', default=DEFAULT_SPECIES, metavar='NAME',
                        help=f'a model that comes with weights (docs/models.md); default: {DEFAULT_SPECIES}')
    parser.add_argument('--config', help="a config in the place of the model's own")
    parser.add_argument('--checkpoint', help='weights in the place of those that come with the model')
    parser.add_argument('--out-dir', help='folder of the results; default: work_dirs/adapt/<name of the images>')
    parser.add_argument('--boxes', help='a json file of {image: [x0, y0, x1, y1]}, px; a list of boxes for '
                        'several bodies, [] for an image to leave out; default: what stands out')
    parser.add_argument('--masks', help='a folder of masks (a/b.jpg has a/b.png); default: they are made')
    parser.add_argument('--iterations', type=positive, default=300, metavar='N', help='of training (default: 300)')
    parser.add_argument('--limit', type=positive, default=500, metavar='N',
                        help='at most so many images, evenly spread (default: 500)')
    parser.add_argument('--force', action='store_true',
                        help='go on where a model of another species fits the masks better')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the training: train_cfg.stages.0.loss_weights.mask=0')
    return parser.parse_args(arguments)


def plan(args: argparse.Namespace) -> Adaptation:
    """Return the adaptation that the command line asks for.

    Raises:
        UsageError: The config or the checkpoint is not there.
    """
    model = None if args.config and args.checkpoint else find_model(args.species)
    weights = command_line.require_checkpoint(args.checkpoint) if args.checkpoint else str(model.require_weights())
    base = command_line.load_config(args.config or str(model.config))
    out = args.out_dir or Path('work_dirs', 'adapt', Path(args.images).resolve().stem)
    return Adaptation.plan(base, weights, args.images, out, args.iterations, args.limit,
                           read_boxes(args.boxes) if args.boxes else None, args.masks, args.cfg_options)


def main() -> None:
    """Adapt, or show the report of a run that is done."""
    args = parse_args()
    try:
        adaptation = plan(args)
        done = adaptation.out / 'report.json'
        if done.is_file():
            print(summary(read_json(done)))
            return
        adaptation.prepare()
        others = () if args.force else [model for model in known_models() if model.weights]
        before = adaptation.measure_before(others)
    except (ValueError, OSError, ImportError) as error:
        raise UsageError(str(error)) from error
    adaptation.train()
    print(summary(adaptation.finish(before)))


if __name__ == '__main__':
    command_line.run_tool(main)
