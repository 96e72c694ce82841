"""The lock pins what the lists need, with hashes; restricted licences are found and optional."""
import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / 'tools' / 'audit.py'


@pytest.fixture(scope='module')
def audit():
    spec = importlib.util.spec_from_file_location('audit', PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirement_is_locked_with_a_hash(audit):
    locked = audit.read_lock()
    assert len(locked) > 80
    for kind in ('build', 'mminstall', 'runtime', 'masks', 'tests'):
        for name, requirement in audit.requirements(kind).items():
            assert name in locked, f'{kind}.txt: {name}'
            assert requirement.specifier.contains(locked[name][0], prereleases=True), name
    assert all(hashes and all(len(digest) == 64 for digest in hashes) for _, hashes in locked.values())


def test_non_commercial_packages_are_optional(audit):
    for kind in ('build', 'mminstall', 'runtime', 'masks'):
        assert not [name for name in audit.requirements(kind) if name in audit.NON_COMMERCIAL], kind
    assert 'smplx' in audit.requirements('optional')
    text = audit.LICENCES.read_text(encoding='utf-8')
    assert 'non-commercial research | optional; **non-commercial** |' in text


@pytest.mark.parametrize('line', ['six', 'six>=1.0', 'six==1.0', 'six==1.0 --hash=md5:00', 'six==1.* --hash=sha256:00',
                                  'https://example.org/six.whl', 'six @ git+https://example.org/six'])
def test_a_line_that_pins_nothing_is_refused(audit, tmp_path, line):
    (tmp_path / 'lock.txt').write_text(f'# comment\n{line}\n')
    with pytest.raises(ValueError, match='lock.txt: .*name==version --hash=sha256'):
        audit.read_lock(tmp_path / 'lock.txt')


def test_differences_are_named(audit):
    locked = {'numpy': ('0.1', ['0' * 64]), 'no-such-package': ('1', ['0' * 64])}
    found = '\n'.join(audit.differences(locked, {'six': {'runtime'}}))
    assert 'numpy: 0.1 is locked' in found and 'none is installed' in found and 'six: needed by runtime.txt' in found


@pytest.mark.parametrize(('text', 'restricted'), [
    ('MIT', False), ('CC-BY-NC-4.0', True), ('Non-Commercial research', True), ('Apache-2.0', False), ('academic use',
                                                                                                       True)])
def test_restricted_licences(audit, text, restricted):
    assert audit.is_restricted('x', text) is restricted
