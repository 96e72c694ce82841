"""``mmxas replay``: recompute the losses of a batch at which training stopped."""
import argparse
import math

from mmengine.registry import DefaultScope

from mmxas.apis.configs import load_config
from mmxas.engine.batch_dump import read_batch, replay, replay_device
from mmxas.registry import MODELS

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('replay', example='mmxas replay my_config.py work_dirs/mine/non_finite/iter_3_rank_0.pth',
                           details='The exit status is 0 if a loss is not finite again.')
    parser.add_argument('config', help='the config of the run, such as its copy in the work directory')
    parser.add_argument('dump', help='the file that training wrote')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> int:
    """Replay; return 1 if every loss is finite."""
    cfg = load_config(args.config)
    with mistakes(OSError, ValueError):
        dump = read_batch(args.dump)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpose')):
        model = MODELS.build(cfg.model)
    losses = replay(model, dump)
    print(f'iteration {dump["iteration"]}: {dump["error"]}')
    for name, value in losses.items():
        print(f'{name} = {value!r}{"" if math.isfinite(value) else "   <- not finite"}')
    if not all(map(math.isfinite, losses.values())):
        return 0
    if dump.get('device', 'cpu') != replay_device(dump):
        print(f'every loss is finite on this {replay_device(dump).upper()}, but the run was on {dump["device"]}, '
              'with other rounding: replay it there')
    else:
        print('every loss is finite here: this batch and these weights are not the cause')
    return 1


def main(arguments: list[str] | None = None) -> int:
    """Replay; return the exit status."""
    return run_command('replay', parse_args, run, arguments)
