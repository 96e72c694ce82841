"""``mmxas adapt``: adapt a detector to your own images, without labels (docs/adaptation.md)."""
import argparse
from pathlib import Path

from mmxas.apis import find_model, known_models
from mmxas.apis.adapt import Adaptation, summary
from mmxas.apis.checkpoint_files import require_checkpoint
from mmxas.apis.configs import load_config
from mmxas.io import read_json
from mmxas.io.boxes import read_boxes

from .options import CommandParser, add_cfg_options, positive
from .running import mistakes, run_command

DEFAULT_SPECIES = 'human'


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('adapt', example=f'mmxas adapt photos --species {DEFAULT_SPECIES}',
                           details="It makes masks, trains the last stage of the detector's config on them, keeps "
                           'the best weights and predicts. The same command resumes an interrupted run.')
    parser.add_argument('images', help='a folder of images (with its subfolders), or a video')
    parser.add_argument('--species', default=DEFAULT_SPECIES, metavar='NAME',
                        help=f'a model that comes with weights (docs/models.md); default: {DEFAULT_SPECIES}')
    parser.add_argument('--config', help="a config instead of the model's own")
    parser.add_argument('--checkpoint', help='weights instead of those that come with the model')
    parser.add_argument('--out-dir', help='folder of the results; default: work_dirs/adapt/<name of the images>')
    parser.add_argument('--boxes', help='a json file of {image: [x0, y0, x1, y1]}, px; a list of boxes for '
                        'several bodies, [] for an image to leave out; default: found automatically')
    parser.add_argument('--masks', help='a folder of masks (a/b.png for a/b.jpg); default: they are made')
    parser.add_argument('--iterations', type=positive, default=300, metavar='N', help='of training (default: 300)')
    parser.add_argument('--limit', type=positive, default=500, metavar='N',
                        help='maximum number of images, evenly spread (default: 500)')
    parser.add_argument('--force', action='store_true',
                        help='continue even if a model of another species fits the masks better')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def plan(args: argparse.Namespace) -> Adaptation:
    """Return the adaptation that the command line requests."""
    model = None if args.config and args.checkpoint else find_model(args.species)
    weights = require_checkpoint(args.checkpoint) if args.checkpoint else str(model.require_weights())
    base = load_config(args.config or str(model.config))
    out = args.out_dir or Path('work_dirs', 'adapt', Path(args.images).resolve().stem)
    return Adaptation.plan(base, weights, args.images, out, args.iterations, args.limit,
                           read_boxes(args.boxes) if args.boxes else None, args.masks, args.cfg_options)


def run(args: argparse.Namespace) -> None:
    """Adapt, or show the report of a finished run."""
    with mistakes(ValueError, OSError, ImportError):
        adaptation = plan(args)
        done = adaptation.out / 'report.json'
        if done.is_file():
            print(summary(read_json(done)))
            return
        adaptation.prepare()
        others = () if args.force else [model for model in known_models() if model.weights]
        before = adaptation.measure_before(others)
    adaptation.train()
    print(summary(adaptation.finish(before)))


def main(arguments: list[str] | None = None) -> int:
    """Adapt; return the exit status."""
    return run_command('adapt', parse_args, run, arguments)
