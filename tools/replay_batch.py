"""Compute the losses of a batch on which training stopped again: ``python tools/replay_batch.py CONFIG DUMP``.

DUMP is ``non_finite/iter_<n>_rank_<r>.pth`` in the work directory of the run. The exit status is
0 if a loss is not finite again.
"""
import argparse
import math
import sys

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmengine.registry import DefaultScope

from mmxas.cli import command_line
from mmxas.cli.command_line import UsageError
from mmxas.engine.batch_dump import read_batch, replay, replay_device
from mmxas.registry import MODELS


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Config and dump."""
    parser = argparse.ArgumentParser(description='Replay a batch on which a loss was not finite')
    parser.add_argument('config', help='the config of the run, such as its copy in the work directory')
    parser.add_argument('dump', help='the file that training wrote')
    return parser.parse_args(arguments)


def main() -> None:
    """Read the command line and replay."""
    args = parse_args()
    cfg = command_line.load_config(args.config)
    try:
        dump = read_batch(args.dump)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpose')):
        model = MODELS.build(cfg.model)
    losses = replay(model, dump)
    print(f'iteration {dump["iteration"]}: {dump["error"]}')
    for name, value in losses.items():
        print(f'{name} = {value!r}{"" if math.isfinite(value) else "   <- not finite"}')
    if all(map(math.isfinite, losses.values())):
        if dump.get('device', 'cpu') != replay_device(dump):
            print(f'every loss is finite on this {replay_device(dump).upper()}, but the run was on {dump["device"]}, '
                  'whose numbers are others: replay it there')
        else:
            print('every loss is finite here: the fault lay not in this batch and these weights')
        sys.exit(1)


if __name__ == '__main__':
    command_line.run_tool(main)
