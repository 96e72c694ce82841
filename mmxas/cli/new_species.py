"""``mmxas new-species``: start a project for a new species (docs/new_species.md)."""
import argparse
import sys

from mmxas.species import write_project

from .options import CommandParser
from .running import mistakes, run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('new-species', example='mmxas new-species newt --body-model newt.npz',
                           details='It writes a folder with skeleton, keypoints, pose prior, training configs, '
                           'and a README to fill in (docs/new_species.md).')
    parser.add_argument('name', help='lower-case letters, digits and underscores')
    parser.add_argument('--body-model', required=True, metavar='FILE', help='.npz or .pkl (docs/body_models.md)')
    parser.add_argument('--skeleton', metavar='FILE', help="default: derived from the body's joints and landmarks")
    parser.add_argument('--keypoints', metavar='FILE',
                        help="definitions of the skeleton's keypoints; default: joints and landmarks by name")
    parser.add_argument('--prior', metavar='FILE',
                        help='pose prior of a body with the same joints; default: equal limits for all axes')
    parser.add_argument('--shape', nargs='+', default=[], metavar='NAME=VALUE',
                        help='shape components that define the mean shape, such as leg_length=1.3')
    parser.add_argument('--out', metavar='DIR', help='the folder; default: NAME')
    return parser.parse_args(arguments)


def read_shape(words: list[str]) -> dict[str, float]:
    """Parse ``leg_length=1.3`` and so on to a dict.

    Raises:
        ValueError: A word is not NAME=NUMBER.
    """
    try:
        return {key: float(value) for key, value in (word.split('=') for word in words)}
    except ValueError:
        raise ValueError(f'--shape {" ".join(words)}: NAME=NUMBER expected, such as leg_length=1.3') from None


def run(args: argparse.Namespace) -> None:
    """Write the project, and print a summary."""
    with mistakes(ValueError, OSError, ImportError):
        project = write_project(args.name, args.body_model, args.out, args.skeleton, args.keypoints, args.prior,
                                read_shape(args.shape))
    derived = f' ({" and ".join(project.derived)} derived: look at them)' if project.derived else ''
    if project.warning:
        print(f'warning: {project.warning}', file=sys.stderr)
    print(f'{project.folder}: {project.num_keypoints} keypoints, {project.num_joints} joints, body '
          f'{project.size:.2f} m long{derived}\n'
          f'next: mmxas check-species {project.config}')


def main(arguments: list[str] | None = None) -> int:
    """Write the project; return the exit status."""
    return run_command('new-species', parse_args, run, arguments)
