import sys

import pytest

from mmxas.compat import findings
from mmxas.compat.findings import find, find_all, release, satisfies, with_import, with_this_python
from mmxas.compat.stack import Alternative, Requirement


@pytest.fixture
def installed(monkeypatch):
    """A dict of distribution to version that stands for what is installed."""
    versions = {}
    monkeypatch.setattr(findings, 'installed_version', versions.get)
    return versions


@pytest.mark.parametrize(('version', 'wanted', 'expected'), [
    ('2.12.0+cu130', '>=2.6,<2.13', True),
    ('2.13.0', '>=2.6,<2.13', False),
    ('2.2.0', '>=2.0.1,<2.2', False),
    ('2.10', '>=2.9', True),
    ('0.7.9.post1', '>=0.7.9', True),
    ('2.12', '==2.12.0', True),
    ('3.0.0rc1', '!=3', False),
    ('80.9.0', '<=80', False),
    ('80.9.0', '>80', True),
    ('anything', '', True),
])
def test_satisfies(version, wanted, expected):
    assert satisfies(version, wanted) is expected


def test_a_wanted_version_without_an_operator_is_refused():
    with pytest.raises(ValueError, match='2.0.*expected an operator'):
        satisfies('2.0', '2.0')


def test_release_of_a_version_without_numbers_is_empty():
    assert release('unknown') == ()


def test_a_missing_package_is_a_fault_with_its_command(installed):
    finding = find(Requirement('mmpose', 'mmpose', '>=1.3', 'pip install --no-deps mmpose==1.3.2'))
    assert finding.is_fault
    assert (finding.version, finding.problem) == (None, 'not installed')
    assert finding.mend == 'pip install --no-deps mmpose==1.3.2'


def test_a_missing_optional_package_is_a_problem_but_no_fault(installed):
    finding = find(Requirement('pytorch3d', 'pytorch3d', optional=True))
    assert finding.problem == 'not installed'
    assert not finding.is_fault


def test_a_wrong_version_names_the_range(installed):
    installed['setuptools'] = '82.0.0'
    finding = find(Requirement('setuptools', 'pkg_resources', '<81'))
    assert (finding.problem, finding.mend) == ('wrong version: <81 wanted', 'pip install "setuptools<81"')


def test_an_alternative_stands_in_and_is_judged_by_its_own_range(installed):
    requirement = Requirement('mmcv-lite', 'mmcv', '<2.2', alternatives=(Alternative('mmcv', '<2.2', 'mmcv.ops'),))
    installed['mmcv'] = '2.1.0'
    finding = find(requirement)
    assert (finding.name, finding.module, finding.problem) == ('mmcv', 'mmcv.ops', '')
    installed['mmcv'] = '2.2.0'
    assert find(requirement).mend == 'pip uninstall -y mmcv && pip install "mmcv-lite<2.2"'


def test_two_builds_of_one_module_shadow_each_other(installed):
    installed.update({'opencv-python': '5.0', 'opencv-python-headless': '5.0'})
    finding = find(Requirement('opencv-python-headless', 'cv2', alternatives=(Alternative('opencv-python'),)))
    assert finding.problem == 'opencv-python-headless and opencv-python shadow each other'
    assert finding.mend.startswith('pip uninstall -y opencv-python-headless opencv-python && pip install')


def test_torchvision_must_be_torchs_twin(installed):
    pair = (Requirement('torch', 'torch', mend='both'), Requirement('torchvision', 'torchvision', mend='both'))
    installed.update(torch='2.12.0', torchvision='0.27.0')
    assert [finding.problem for finding in find_all(pair)] == ['', '']
    installed['torchvision'] = '0.26.0'
    torch, torchvision = find_all(pair)
    assert torch.problem == ''
    assert (torchvision.problem, torchvision.mend) == ('does not match torch 2.12.0: 0.27 wanted', 'both')
    del installed['torch']
    assert [finding.problem for finding in find_all(pair)] == ['not installed', '']


def test_a_module_that_does_not_import_is_a_fault(installed, tmp_path, monkeypatch):
    (tmp_path / 'broken_binary.py').write_text("raise ValueError('numpy.dtype size changed\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    installed['broken'] = '1.0'
    finding = with_import(find(Requirement('broken', 'broken_binary')))
    assert finding.problem == 'import broken_binary fails: ValueError: numpy.dtype size changed'
    assert finding.mend == 'pip uninstall -y broken && pip install "broken"'


def test_only_packages_of_a_right_version_are_imported(installed):
    assert with_import(find(Requirement('absent', 'no_such_module'))).problem == 'not installed'
    installed['present'] = '1'
    assert with_import(find(Requirement('present', 'json'))).problem == ''


def test_a_package_of_which_only_files_are_read_is_not_imported(installed):
    installed['weights'] = '1'
    assert with_import(find(Requirement('weights', '', '==1'))).problem == ''


def test_commands_name_this_interpreter():
    command = with_this_python('pip uninstall -y a && MMCV_WITH_OPS=1 pip install "pip>1"')
    pip = f'{sys.executable} -m pip'
    assert command == f'{pip} uninstall -y a && MMCV_WITH_OPS=1 {pip} install "pip>1"'
