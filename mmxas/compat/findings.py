"""Compare the installed packages with :mod:`mmxas.compat.stack`; standard library only."""
import importlib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

from .stack import REQUIREMENTS, Requirement

# torchvision 0.21 is built against torch 2.6, 0.27 against 2.12: the minor versions stay this far apart.
TORCHVISION_MINOR_OFFSET = 15

_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    '>=': lambda have, want: have >= want,
    '<=': lambda have, want: have <= want,
    '==': lambda have, want: have == want,
    '!=': lambda have, want: have != want,
    '>': lambda have, want: have > want,
    '<': lambda have, want: have < want,
}


@dataclass(frozen=True)
class Finding:
    """The state of one :class:`Requirement`.

    Args:
        requirement: The requirement.
        name: The installed distribution; the requirement's name if there is none.
        version: The installed version; None if not installed.
        wanted: The supported versions of this distribution.
        module: The module that it provides.
        problem: One line, empty if there is no problem.
        mend: The command that fixes the problem, empty if there is none.
    """

    requirement: Requirement
    name: str
    version: str | None
    wanted: str
    module: str
    problem: str = ''
    mend: str = ''

    @property
    def is_fault(self) -> bool:
        """Whether the problem prevents mmxas from working."""
        return bool(self.problem) and not self.requirement.optional


def release(version: str) -> tuple[int, ...]:
    """Return the numeric part: ``(2, 12, 0)`` for ``'2.12.0+cu130'``, ``(0, 7, 9)`` for ``'0.7.9.post1'``."""
    match = re.match(r'\d+(\.\d+)*', version.strip())
    return tuple(int(part) for part in match.group().split('.')) if match else ()


def satisfies(version: str, wanted: str) -> bool:
    """Return whether ``version`` meets every comparison of ``wanted``; numeric parts only, missing ones count as 0.

    Raises:
        ValueError: A part of ``wanted`` is not an operator and a version.
    """
    for part in filter(None, (part.strip() for part in wanted.split(','))):
        match = re.fullmatch(r'(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)', part)
        if match is None:
            raise ValueError(f'{part!r}: expected an operator and a version such as ">=2.0"')
        have, want = release(version), release(match.group(2))
        length = max(len(have), len(want))
        have, want = (side + (0,) * (length - len(side)) for side in (have, want))
        if not _COMPARISONS[match.group(1)](have, want):
            return False
    return True


def installed_version(name: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def find(requirement: Requirement) -> Finding:
    """Check one package by its metadata, without importing it."""
    versions = {candidate: installed_version(candidate.name) for candidate in requirement.distributions}
    present = [candidate for candidate, version in versions.items() if version]
    chosen = present[0] if present else requirement.distributions[0]
    finding = Finding(requirement, chosen.name, versions[chosen], chosen.wanted, chosen.module)
    if not present:
        return replace(finding, problem='not installed', mend=requirement.command)
    names = [candidate.name for candidate in present]
    mend = requirement.command if names == [requirement.name] else _replacing(names, requirement)
    if len(names) > 1:
        return replace(finding, problem=f'{" and ".join(names)} shadow each other', mend=mend)
    if not satisfies(finding.version, finding.wanted):
        return replace(finding, problem=f'wrong version: {finding.wanted} wanted', mend=mend)
    return finding


def find_all(requirements: Sequence[Requirement] = REQUIREMENTS) -> list[Finding]:
    """Check every package by its metadata, and that the releases of torch and torchvision match."""
    findings = [find(requirement) for requirement in requirements]
    by_name = {finding.name: finding for finding in findings}
    torch, torchvision = by_name.get('torch'), by_name.get('torchvision')
    if torch is None or torchvision is None or torch.problem or torchvision.problem:
        return findings
    minor = release(torch.version)[1] + TORCHVISION_MINOR_OFFSET
    if release(torchvision.version)[1] == minor:
        return findings
    problem = f'does not match torch {torch.version}: 0.{minor} wanted'
    mended = replace(torchvision, problem=problem, mend=torchvision.requirement.command)
    return [mended if finding is torchvision else finding for finding in findings]


def with_import(finding: Finding) -> Finding:
    """Import the module, if any, of a package with correct metadata; a failure becomes the problem."""
    if finding.problem or not finding.module:
        return finding
    try:
        importlib.import_module(finding.module)
    except Exception as error:  # a broken binary raises anything: ImportError, OSError, ValueError, AssertionError
        first_line = next(iter(str(error).strip().splitlines()), 'no message')
        problem = f'import {finding.module} fails: {type(error).__name__}: {first_line}'
        return replace(finding, problem=problem, mend=_replacing([finding.name], finding.requirement))
    return finding


def with_this_python(command: str) -> str:
    """Return the command with ``pip`` of the running interpreter, whatever environment the shell uses."""
    return re.sub(r'(^|&& |\w+=\S+ )pip ', rf'\1{sys.executable} -m pip ', command)


def _replacing(names: Sequence[str], requirement: Requirement) -> str:
    return f'pip uninstall -y {" ".join(names)} && {requirement.command}'
