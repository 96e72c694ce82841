"""Prove that a config's species fits together: ``python tools/check_species.py CONFIG [--sheet FILE] [--samples N]``

Prints a verdict for each check and writes a sheet of the prior's limits to look at; exit status 1 if a check fails.
"""
import argparse
import sys
from pathlib import Path

import mmxas  # noqa: F401  registers the components

# isort: split
from mmxas.cli import command_line
from mmxas.compat.config_paths import PREFIX
from mmxas.species import Verdict, check_config
from mmxas.visualization import write_picture

WORDS = {True: 'ok', False: 'FAILED', None: '-'}


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Prove that a config's species fits together")
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('--sheet', metavar='FILE',
                        help='picture of the limits; default: work_dirs/<name of the config>/check_species.png')
    parser.add_argument('--samples', type=int, default=32, metavar='N',
                        help='poses to sample and to render (default: 32)')
    parser.add_argument('--cfg-options', nargs='+', action=command_line.KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config: a.b=1 c="[1,2]"')
    return parser.parse_args(arguments)


def line(verdict: Verdict) -> str:
    """A verdict as it is printed."""
    return f'{WORDS[verdict.passed]:<7}{verdict.name:<14}{verdict.message}'


def main(arguments: list[str] | None = None) -> int:
    """Check; exit status 1 unless every check passed."""
    args = parse_args(arguments)
    sheet = args.sheet or Path('work_dirs') / Path(args.config.removeprefix(PREFIX)).stem / 'check_species.png'
    try:
        if args.samples < 1:
            raise command_line.UsageError(f'--samples {args.samples}: at least 1 expected')
        config = command_line.load_config(args.config)
        command_line.merge_options(config, args.cfg_options)
        verdicts, picture = check_config(config, args.samples)
        for verdict in verdicts:
            print(line(verdict))
        if picture is not None:
            print(f'{"look":<7}{"sheet":<14}{write_picture(sheet, picture)}')
    except (command_line.UsageError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == '__main__':
    sys.exit(main())
