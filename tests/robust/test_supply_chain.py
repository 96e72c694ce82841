"""Packages that are not what was locked: pip refuses them, the audit names them."""
import base64
import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIND = 'supply_chain'


@pytest.fixture(scope='module')
def audit():
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('audit', ROOT / 'tools' / 'audit.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, version: str = '1.0', code: str = 'x = 1\n') -> Path:
    """A package in a wheel."""
    path = folder / f'mmxas_victim-{version}-py3-none-any.whl'
    files = {'mmxas_victim.py': code, f'mmxas_victim-{version}.dist-info/METADATA':
             f'Metadata-Version: 2.1\nName: mmxas-victim\nVersion: {version}\n',
             f'mmxas_victim-{version}.dist-info/WHEEL':
             'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
    record = ''
    for name, text in files.items():
        packed = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
        record += f'{name},sha256={packed},{len(text)}\n'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, text in {**files, f'mmxas_victim-{version}.dist-info/RECORD': record}.items():
            archive.writestr(name, text)
    return path


def install(folder: Path, lock: str, *more: str) -> subprocess.CompletedProcess:
    """What pip says to a lock, with a folder as the only index."""
    (folder / 'lock.txt').write_text(lock)
    return subprocess.run([sys.executable, '-m', 'pip', 'install', '--isolated', '--no-index', '--find-links',
                           str(folder),
                           '--require-hashes', '--no-deps', '--target', str(folder / 'target'), '-r',
                           str(folder / 'lock.txt'), *more], capture_output=True, text=True, check=False)


def digest(path: Path) -> str:
    """As pip wants it."""
    return f'--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}'


def test_the_locked_wheel_installs(tmp_path):
    done = install(tmp_path, f'mmxas-victim==1.0 {digest(wheel(tmp_path))}\n')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'target' / 'mmxas_victim.py').is_file()


TAMPERED = ['other code', 'one byte more', 'another version', 'a link to elsewhere', 'no hash', 'a weak hash',
            'a dependency without hash']


@pytest.mark.parametrize('how', TAMPERED)
def test_a_wheel_that_is_not_the_locked_one(how, tmp_path):
    path = wheel(tmp_path)
    line = f'mmxas-victim==1.0 {digest(path)}\n'
    if how == 'other code':
        wheel(tmp_path, code='import os\n')
    elif how == 'one byte more':
        path.write_bytes(path.read_bytes() + b'x')
    elif how == 'another version':
        path.unlink()
        wheel(tmp_path, '1.1')
    elif how == 'a link to elsewhere':
        line = f'mmxas-victim @ file://{wheel(tmp_path, code="y = 2")} {line.split()[1]}\n'
    else:
        line = {'no hash': 'mmxas-victim==1.0\n', 'a weak hash': f'mmxas-victim==1.0 --hash=md5:{"0" * 32}\n',
                'a dependency without hash': line + 'six\n'}[how]
    done = install(tmp_path, line)
    assert done.returncode != 0
    assert not (tmp_path / 'target').exists()


LOCKS = {'no version': 'six', 'a range': 'six>=1', 'no hash': 'six==1.0', 'md5': 'six==1.0 --hash=md5:' + '0' * 32,
         'a short hash': 'six==1.0 --hash=sha256:00', 'a wildcard': 'six==1.*  --hash=sha256:' + '0' * 64,
         'a URL': 'https://example.org/six.whl', 'a repository': 'six @ git+https://example.org/six',
         'an editable': '-e .', 'another list': '-r other.txt'}


@pytest.mark.parametrize('how', LOCKS)
def test_a_lock_that_pins_nothing(how, audit, tmp_path):
    (tmp_path / 'lock.txt').write_text(LOCKS[how] + '\n')
    with pytest.raises(ValueError, match='lock.txt'):
        audit.read_lock(tmp_path / 'lock.txt')


def test_another_version_than_the_locked_one_is_named(audit):
    assert audit.differences({'numpy': ('0.1', [])},
                             {}) == [f'numpy: 0.1 is locked, {distribution("numpy").version} is installed']


def test_a_package_that_is_not_there_is_named(audit):
    assert 'none is installed' in audit.differences({'no-such-package': ('1', [])}, {})[0]


def test_a_package_that_is_not_locked_is_named(audit):
    assert audit.differences({}, {'six': {'runtime'}}) == ['six: needed by runtime.txt, not in the lock']


def test_a_requirement_that_the_lock_breaks_would_be_seen(audit):
    locked = audit.read_lock()
    for kind in ('build', 'mminstall', 'runtime', 'tests'):
        for name, requirement in audit.requirements(kind).items():
            assert requirement.specifier.contains(locked[name][0], prereleases=True), name


def test_a_package_without_its_requirements_would_be_seen(audit):
    """Whatever an installed package needs is in the lock as well."""
    assert set(audit.closure()) <= set(audit.read_lock())


@pytest.mark.robust
@pytest.mark.parametrize('name', ['smplx', 'pytorch3d', 'cdflib', 'h5py', 'onnxruntime', 'pandas', 'sleap_io'])
def test_what_is_optional_is_not_imported_by_the_package(name):
    """`import mmxas` works where it is missing."""
    code = (f'import sys\nsys.modules[{name!r}] = None\nimport mmxas\n'
            f'assert not [m for m in sys.modules if m.startswith({name + "."!r})]')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_unreachable_database_is_said_and_not_passed_over(audit, monkeypatch):
    monkeypatch.setattr(audit.shutil, 'which', lambda name: None)
    assert audit.vulnerabilities() == ([], 'pip-audit is not installed (pip install pip-audit)')


def test_a_broken_answer_of_the_database_is_said(audit, monkeypatch):
    monkeypatch.setattr(audit.shutil, 'which', lambda name: '/bin/pip-audit')
    monkeypatch.setattr(audit.subprocess, 'run', lambda *a, **k: subprocess.CompletedProcess(a, 1, '',
                                                                                             'no route to host'))
    assert audit.vulnerabilities() == ([], 'pip-audit failed: no route to host')


def test_a_vulnerability_is_named(audit, monkeypatch):
    text = ('{"dependencies": [{"name": "six", "version": "1.0", "vulns": [{"id": "CVE-1"}]}, '
            '{"name": "torch", "skip_reason": "not on PyPI"}]}')
    monkeypatch.setattr(audit.shutil, 'which', lambda name: '/bin/pip-audit')
    monkeypatch.setattr(audit.subprocess, 'run', lambda *a, **k: subprocess.CompletedProcess(a, 1, text, ''))
    assert audit.vulnerabilities() == (['six 1.0: CVE-1', 'torch: NOT checked, not on PyPI'], None)


def test_a_licence_that_forbids_commercial_use_is_seen(audit):
    assert audit.is_restricted('x', 'CC BY-NC 4.0') and audit.is_restricted('smplx', '')
    assert not audit.is_restricted('six', 'MIT')
    with pytest.raises(PackageNotFoundError):
        audit.licence('no-such-package')
