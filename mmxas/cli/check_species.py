"""``mmxas check-species``: check that the parts of a config's species are consistent."""
import argparse
from pathlib import Path

from mmxas.apis.configs import config_stem, load_config, merge_options
from mmxas.species import Verdict, check_config
from mmxas.visualization import write_picture

from .options import CommandParser, add_cfg_options, add_config, positive
from .running import mistakes, run_command

WORDS = {True: 'ok', False: 'FAILED', None: '-'}


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('check-species', example='mmxas check-species mmxas::xas_mocap.py',
                           details="It prints a verdict for each check and writes a sheet of the prior's limits to "
                           'look at. The exit status is 1 unless every check passed.')
    add_config(parser)
    parser.add_argument('--sheet', metavar='FILE',
                        help='picture of the limits; default: work_dirs/<name of the config>/check_species.png')
    parser.add_argument('--samples', type=positive, default=32, metavar='N',
                        help='poses to sample and to render (default: 32)')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def line(verdict: Verdict) -> str:
    """Format a verdict for printing."""
    return f'{WORDS[verdict.passed]:<7}{verdict.name:<14}{verdict.message}'


def run(args: argparse.Namespace) -> int:
    """Check; return 1 unless every check passed."""
    sheet = args.sheet or Path('work_dirs') / config_stem(args.config) / 'check_species.png'
    with mistakes(ValueError, OSError):
        config = load_config(args.config)
        merge_options(config, args.cfg_options)
        verdicts, picture = check_config(config, args.samples)
        for verdict in verdicts:
            print(line(verdict))
        if picture is not None:
            print(f'{"look":<7}{"sheet":<14}{write_picture(sheet, picture)}')
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def main(arguments: list[str] | None = None) -> int:
    """Check; return the exit status."""
    return run_command('check-species', parse_args, run, arguments)
