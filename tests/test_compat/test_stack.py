import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement as PipRequirement

from mmxas.compat.findings import satisfies
from mmxas.compat.stack import REQUIREMENTS, Alternative, Requirement

REQUIREMENTS_DIR = Path(__file__).parents[2] / 'requirements'


def pip_requirements(*names: str) -> dict[str, str]:
    """Name to version range, of the files of ``requirements/``."""
    lines = [line.split('#')[0].strip() for name in names
             for line in (REQUIREMENTS_DIR / f'{name}.txt').read_text().splitlines()]
    matches = (re.fullmatch(r'([\w.-]+)(.*)', line) for line in lines if line and not line.startswith('-'))
    return {match.group(1): match.group(2) for match in matches}


def test_every_package_that_pip_installs_is_checked_and_the_other_way_round():
    installed = pip_requirements('build', 'mminstall', 'runtime', 'optional', 'masks')
    only_for_building = {'wheel', 'cython'}
    assert {requirement.name for requirement in REQUIREMENTS} == set(installed) - only_for_building


def test_what_pip_installs_passes_the_check():
    texts = pip_requirements('build', 'mminstall', 'runtime', 'optional', 'masks')
    for requirement in REQUIREMENTS:
        text = texts[requirement.name]
        if text.startswith('=='):
            assert satisfies(text.removeprefix('=='), requirement.wanted), requirement.name
            assert text.split('.post')[0] in requirement.command or 'pip install "' in requirement.command
        else:
            assert text == requirement.wanted, requirement.name


def installed_needs(requirement: Requirement) -> set[str]:
    """Names, as the list has them, of what the installed distribution says it needs."""
    known = {other.name: listed.name for listed in REQUIREMENTS for other in listed.distributions}
    try:
        lines = metadata.requires(requirement.name) or []
    except metadata.PackageNotFoundError:
        return set()
    needs = (PipRequirement(line) for line in lines)
    names = {need.name for need in needs if need.marker is None or need.marker.evaluate({'extra': ''})}
    return {known[name] for name in (re.sub('[-_.]+', '-', name).lower() for name in names) if name in known}


def test_the_order_is_that_of_mending():
    """`mmxas.check` says "from the top": what a package imports is mended before it."""
    names = [requirement.name for requirement in REQUIREMENTS]
    assert names.index('opencv-python-headless') < names.index('mmcv-lite') < names.index('mmpose')
    too_early = [(requirement.name, need) for place, requirement in enumerate(REQUIREMENTS)
                 for need in installed_needs(requirement) - set(names[:place])]
    assert [pair for pair in too_early if pair != ('torch', 'setuptools')] == []  # torch imports without


def test_the_default_command_quotes_the_range():
    assert Requirement('a', 'a', '>=1,<2').command == 'pip install "a>=1,<2"'
    assert Requirement('a', 'a', '>=1', mend='pip install a==1.5').command == 'pip install a==1.5'


def test_alternatives_bring_the_same_module_unless_they_name_another():
    requirement = Requirement('a', 'module', '>=1', alternatives=(Alternative('b'), Alternative('c', '>=2', 'other')))
    assert requirement.distributions == (
        Alternative('a', '>=1', 'module'), Alternative('b', '', 'module'), Alternative('c', '>=2', 'other'))
