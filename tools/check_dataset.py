"""Check the data of a config before training: ``python tools/check_dataset.py CONFIG [--all] [--out REPORT.json]``.

Counts what is there, what is missing and what does not match, for all data sets of training, validation and test.
Exit status 1 where something is wrong, 2 for a mistake on the command line.
"""
import argparse
import json
import sys
from itertools import groupby

from mmengine.registry import init_default_scope

import mmxas  # noqa: F401  registers the components
from mmxas.cli.command_line import KeyValueAction, UsageError, load_config, merge_options
from mmxas.datasets.inspection import DatasetReport, check_config
from mmxas.io.atomic_writes import write_whole

EXAMPLES = 5


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('--num', type=int, default=100, help='samples of each data set, evenly spread (default: 100)')
    parser.add_argument('--all', action='store_true', help='every sample')
    parser.add_argument('--out', help='write everything that was found to this json file')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config')
    return parser.parse_args(argv)


def print_report(report: DatasetReport) -> None:
    """One line of counts, then each kind of problem with a few examples."""
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


def main(argv: list[str] | None = None) -> int:
    """Check; return the exit status."""
    args = parse_args(argv)
    try:
        if args.num < 1:
            raise UsageError(f'--num {args.num}: at least 1 expected')
        cfg = load_config(args.config)
        merge_options(cfg, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        reports = check_config(cfg, None if args.all else args.num)
        if not reports:
            raise UsageError(f'{args.config}: no data set in it')
    except (UsageError, ImportError, KeyError) as error:
        print(f'check_dataset: {error}', file=sys.stderr)
        return 2
    for report in reports:
        print_report(report)
    if args.out:
        write_whole(args.out, json.dumps([report.to_dict() for report in reports], indent=1).encode())
    wrong = sum(len(report.problems) for report in reports)
    print(f'{wrong} problems' if wrong else 'nothing wrong')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
