"""The built wheel works outside the checkout; make and the installer say what is wrong."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from tiny_project import write_tiny_config

CHECKOUT = Path(__file__).parents[1]
SOURCES = ('mmxas', 'configs', 'projects', 'tools', 'requirements', 'setup.py', 'pyproject.toml', 'MANIFEST.in',
           'README.md', 'LICENSE', 'CHANGELOG.md', 'model-index.yml')
SHELL_TOOLS = [path.relative_to(CHECKOUT).as_posix() for path in sorted((CHECKOUT / 'tools').glob('*.sh'))]
PIP = (sys.executable, '-m', 'pip', '--disable-pip-version-check', '--no-input')


def run(*command, **kwargs) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **kwargs)
    assert done.returncode == 0, f'{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}'
    return done.stdout


@pytest.fixture(scope='module')
def dist(tmp_path_factory) -> Path:
    """A folder with the source archive and the wheel built from it; both from a copy, so the checkout stays clean."""
    folder = tmp_path_factory.mktemp('dist')
    source = folder / 'source'
    source.mkdir()
    for name in SOURCES:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '.mim'))
        else:
            shutil.copy(CHECKOUT / name, source / name)
    run(sys.executable, '-m', 'build', '--no-isolation', '--outdir', folder, source)
    shutil.rmtree(source)
    return folder


@pytest.fixture(scope='module')
def wheel(dist) -> Path:
    """The wheel."""
    return next(dist.glob('mmxas-*.whl'))


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp('installed')
    run(*PIP, 'install', '--no-deps', '--no-index', '--target', folder, wheel)
    return folder


@pytest.fixture
def run_outside(installed, tmp_path):
    """Runs Python outside the checkout, with the wheel's mmxas before the checkout's."""
    path = os.pathsep.join([str(installed), str(CHECKOUT / 'tests')])
    environment = {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
    return lambda *arguments: run(sys.executable, *arguments, cwd=tmp_path, env=environment)


def test_the_wheel_has_every_file_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / 'mmxas').rglob('*')
               if path.is_file() and '__pycache__' not in path.parts and '.mim' not in path.parts}
    assert package <= names
    folders = ('configs', 'projects', 'tools', 'requirements')
    mim = {f'mmxas/.mim/{path.relative_to(CHECKOUT).as_posix()}' for folder in folders
           for path in (CHECKOUT / folder).rglob('*')
           if path.is_file() and not {'__pycache__', 'free_bodies'} & set(path.parts)}
    assert not any('free_bodies' in name for name in names)
    assert mim | {'mmxas/.mim/model-index.yml'} <= names
    assert not any(name.startswith(('tests/', 'tools/', 'configs/', 'projects/')) for name in names)


def test_the_wheel_asks_for_nothing_that_brings_chumpy_or_a_second_opencv(wheel):
    required = [entry.split()[0].rstrip(';') for entry in metadata(wheel).get_all('Requires-Dist')
                if 'extra' not in entry]
    assert any(name.startswith('timm') for name in required)
    wrong = ('mm', 'chumpy', 'xtcocotools', 'torch=', 'torch<', 'torch>', 'torchvision')
    assert [name for name in required if name.startswith(wrong)] == []
    assert [name for name in required if 'opencv' in name] == ['opencv-python-headless>=4.9']


def metadata(wheel: Path) -> Message:
    """What the wheel says of itself."""
    archive = zipfile.ZipFile(wheel)
    return message_from_bytes(archive.read(next(name for name in archive.namelist() if name.endswith('/METADATA'))))


def test_the_index_would_take_both_archives(dist, wheel):
    run(sys.executable, '-m', 'twine', 'check', '--strict', *dist.iterdir())
    run(sys.executable, '-m', 'check_wheel_contents', '--config', CHECKOUT / 'pyproject.toml', wheel)


def test_the_metadata_are_complete_and_nothing_is_invented(wheel):
    found = metadata(wheel)
    assert (found['Author'], found['Author-email'], found['Home-page']) == ('The mmxas authors', None, None)
    assert found.get_all('Project-URL') == [
        'Paper, https://arxiv.org/abs/2411.13026',
        'Code of the paper, https://github.com/Charrrrrlie/X-as-Supervision']
    assert {'Programming Language :: Python :: 3.11', 'Programming Language :: Python :: 3.12'} <= set(
        found.get_all('Classifier'))
    assert set(found.get_all('Provides-Extra')) == {'optional', 'exchange', 'tests', 'docs'}


def test_the_docs_state_the_sizes(dist):
    """Of the archives, to a tenth."""
    stated = re.search(r'wheel has (\d+) MB, the source archive (\d+) MB', (CHECKOUT / 'docs/install.md').read_text())
    sizes = [next(dist.glob(name)).stat().st_size / 1e6 for name in ('*.whl', '*.tar.gz')]
    assert [int(number) for number in stated.groups()] == pytest.approx(sizes, rel=0.1)


@pytest.mark.slow
def test_outside_the_checkout_every_config_is_read_and_one_that_inherits_ours_is_trained(
        run_outside, installed, tmp_path):
    config = write_tiny_config(tmp_path, base='mmxas::_base_/default_runtime.py', epochs=1)
    code = f"""
import runpy, sys
from pathlib import Path
import mmxas
from mmengine.config import Config
from mmxas.compat.config_paths import config_root
installed = Path({str(installed)!r})
assert Path(mmxas.__file__).is_relative_to(installed), mmxas.__file__
root = config_root()
assert root == installed / 'mmxas' / '.mim' / 'configs', root
names = [path.relative_to(root) for path in sorted(root.glob('*.py'))]
for name in names:
    for number, base in enumerate((f'mmxas::{{name}}', root / name)):
        inheriting = Path(f'inherit_{{number}}.py')
        inheriting.write_text(f"_base_ = ['{{base}}']")
        assert Config.fromfile(inheriting).model == Config.fromfile(root / name).model, base
print('read', *names)
sys.argv = ['train.py', {str(config)!r}, '--work-dir', 'work']
runpy.run_path(str(root.parent / 'tools' / 'train.py'), run_name='__main__')
"""
    read = next(line for line in run_outside('-c', code).splitlines() if line.startswith('read ')).split()[1:]
    assert read == sorted(path.name for path in (CHECKOUT / 'configs').glob('*.py'))
    assert 'xas_mocap.py' in read
    assert (tmp_path / 'work' / 'epoch_1.pth').is_file()


def test_the_wheel_brings_the_command(wheel, installed):
    archive = zipfile.ZipFile(wheel)
    points = archive.read(next(name for name in archive.namelist() if name.endswith('/entry_points.txt'))).decode()
    assert points.split('\n')[:2] == ['[console_scripts]', 'mmxas = mmxas.cli.main:main']
    assert os.access(installed / 'bin' / 'mmxas', os.X_OK)


@pytest.mark.parametrize('config', ['mmxas::xas_mocap.py', 'mmxas::projects/animal/configs/xas_dog_motion.py'])
def test_outside_the_checkout_the_command_finds_configs_by_name(installed, tmp_path, config):
    """It reads the config before it refuses the option."""
    command = [sys.executable, installed / 'bin' / 'mmxas', 'train', config, '--cfg-options', 'crop_size=9']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300,
                          env={**os.environ, 'PYTHONPATH': str(installed), 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith('mmxas train: --cfg-options crop_size: changes nothing')
    assert list(tmp_path.iterdir()) == []


def test_make_install_runs_again_after_a_change_of_setup_py(tmp_path):
    """An older environment gets the command."""
    for name in ('Makefile', 'setup.py'):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / 'requirements', tmp_path / 'requirements')

    def stamp() -> str:
        found = run('make', '--no-print-directory', '-n', 'install', 'VENV=none', cwd=tmp_path)
        return next(word for word in found.split() if word.startswith('none/.mmxas-') and word[-1].isdigit())

    before = stamp()
    with (tmp_path / 'setup.py').open('a') as file:
        file.write('# changed')
    assert stamp() != before


@pytest.mark.slow
def test_outside_the_checkout_models_are_found_by_name_with_their_weights(run_outside, installed):
    code = f"""
import numpy as np
from pathlib import Path
from mmxas.apis import XASInferencer, known_models
installed = Path({str(installed)!r})
models = known_models()
assert all(model.config.is_file() and model.config.is_relative_to(installed) for model in models)
for model in models:
    if model.weights:
        assert model.require_weights().is_relative_to(installed)
        result, = XASInferencer(model.name, device='cpu')(np.zeros((80, 60, 3), np.uint8), bboxes=[9, 9, 50, 70])
        record, = result['predictions']
        print('found', *model.aliases, len(record['instances'][0]['hypotheses'][0]['keypoints']))
"""
    lines = [line for line in run_outside('-c', code).splitlines() if line.startswith('found ')]
    assert lines == ['found human 18', 'found dog 26']


def test_make_alone_lists_every_target():
    lines = run('make', '--no-print-directory', cwd=CHECKOUT).splitlines()
    targets = [line.split()[1] for line in lines if line.startswith('  make ')]
    assert {'help', 'install', 'test', 'lint', 'demo', 'demo-dog'} <= set(targets)


def test_an_old_python_is_refused_before_an_environment_is_made(tmp_path):
    old = tmp_path / 'python3.10'
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10); $2"\n')
    old.chmod(0o755)
    command = ['make', 'install', f'PYTHON={old}', f'VENV={tmp_path / "venv"}']
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode != 0
    assert 'Python >= 3.11 wanted' in done.stderr
    assert not (tmp_path / 'venv').exists()


@pytest.mark.parametrize('script', ['requirements/install.sh', '.ci/run', *SHELL_TOOLS])
def test_scripts_are_executable_and_parse(script):
    assert os.access(CHECKOUT / script, os.X_OK)
    run('bash', '-n', CHECKOUT / script)


def test_the_installer_misses_pip_by_name(tmp_path):
    run(sys.executable, '-m', 'venv', '--without-pip', tmp_path / 'bare')
    command = [CHECKOUT / 'requirements' / 'install.sh', tmp_path / 'bare' / 'bin' / 'python']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'has no pip: ' in done.stderr
