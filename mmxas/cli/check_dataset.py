"""``mmxas check-dataset``: check the data of a config before training."""
import argparse
import json
from itertools import groupby

from mmengine.registry import init_default_scope

from mmxas.apis.configs import load_config, merge_options
from mmxas.datasets.inspection import DatasetReport, check_config
from mmxas.errors import UsageError
from mmxas.io.atomic_writes import write_whole

from .options import CommandParser, add_cfg_options, add_config, positive
from .running import mistakes, run_command

EXAMPLES = 5


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('check-dataset', example='mmxas check-dataset mmxas::xas_mocap.py --all',
                           details='It counts complete, missing and mismatched samples of all training, validation and '
                           'test data sets. The exit status is 1 if something is wrong.')
    add_config(parser)
    parser.add_argument('--num', type=positive, default=100,
                        help='samples of each data set, evenly spread (default: 100)')
    parser.add_argument('--all', action='store_true', help='every sample')
    parser.add_argument('--out', help='write all findings to this json file')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def print_report(report: DatasetReport) -> None:
    """Print one line of counts, then each kind of problem with a few examples."""
    size = 'not readable' if report.samples is None else f'{report.samples} samples'
    print(f'{report.name} ({report.kind}): {size}, {report.checked} checked: {report.masks} with mask, '
          f'{report.labels} with labels')
    for rule, shares in report.foreground.items():
        print(f'  foreground of {len(shares)} masks: {rule}; {100 * min(shares):.1f} to {100 * max(shares):.1f} % of '
              f'the image, {100 * sum(shares) / len(shares):.1f} % on average')
    for note in report.notes:
        print(f'  note: {note}')
    for kind, found in groupby(sorted(report.problems), key=lambda problem: problem[0]):
        what = [text for _, text in found]
        print(f'  WRONG: {kind}: {len(what)}')
        for text in what[:EXAMPLES]:
            print(f'    {text}')
        if len(what) > EXAMPLES:
            print(f'    … and {len(what) - EXAMPLES} more')


def run(args: argparse.Namespace) -> int:
    """Check; return 1 if something is wrong.

    Raises:
        UsageError: The config has no data set.
    """
    with mistakes(ImportError, KeyError):
        cfg = load_config(args.config)
        merge_options(cfg, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        reports = check_config(cfg, None if args.all else args.num)
    if not reports:
        raise UsageError(f'{args.config}: no data set in it')
    for report in reports:
        print_report(report)
    if args.out:
        write_whole(args.out, json.dumps([report.to_dict() for report in reports], indent=1).encode())
    wrong = sum(len(report.problems) for report in reports)
    print(f'{wrong} problems' if wrong else 'nothing wrong')
    return 1 if wrong else 0


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    return run_command('check-dataset', parse_args, run, arguments)
