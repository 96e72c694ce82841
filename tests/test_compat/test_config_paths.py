import importlib.util
import sys

import mmengine.hub
import pytest
import torch
from mmengine.config import Config

from mmxas.apis.model_zoo import find_model
from mmxas.compat import config_paths
from mmxas.compat.config_paths import config_path, config_root, support_mmxas_paths, support_project_imports
from mmxas.io import read_safetensors
from mmxas.io.shipped_files import shipped_root


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize('folder', ['elsewhere', 'else::where'])
def test_a_config_inherits_ours_by_name_and_by_absolute_path(tmp_path, folder):
    path = config_root() / '_base_' / 'default_runtime.py'
    folder = tmp_path / folder
    by_name = write(folder / 'by_name.py', "_base_ = ['mmxas::_base_/default_runtime.py']\nlog_level = 'ERROR'")
    by_path = write(folder / 'by_path.py', f'_base_ = [{str(path)!r}]')
    ours = Config.fromfile(path)
    inherited = Config.fromfile(by_name)
    assert inherited.log_level == 'ERROR'
    assert inherited.default_hooks == ours.default_hooks
    assert '_scope_' not in inherited.default_hooks.checkpoint
    assert Config.fromfile(by_path).default_hooks == ours.default_hooks


def test_other_packages_configs_are_still_found(tmp_path):
    path = write(tmp_path / 'host.py', "_base_ = ['mmpose::_base_/default_runtime.py']")
    assert Config.fromfile(path).default_scope == 'mmpose'


def test_the_suffix_may_be_left_out():
    assert config_path('mmxas::_base_/default_runtime') == config_path('_base_/default_runtime.py')


def test_projects_have_configs_too():
    path = config_path('mmxas::projects/animal/configs/xas_dog_motion')
    assert path == config_root().parent / 'projects/animal/configs/xas_dog_motion.py'
    with pytest.raises(FileNotFoundError, match=r'there are: .*xas_mocap\.py.*animal/configs/xas_dog_motion\.py'):
        config_path('mmxas::projects/animal/configs/no_such.py')


def test_an_unknown_config_names_those_that_exist(tmp_path):
    path = write(tmp_path / 'wrong.py', "_base_ = ['mmxas::no_such.py']")
    with pytest.raises(FileNotFoundError, match=r'mmxas::no_such\.py: no such config in .*_base_/default_runtime\.py'):
        Config.fromfile(path)


def test_the_hub_reads_ours_and_says_for_which_there_are_weights():
    assert mmengine.hub.get_config('mmxas::_base_/default_runtime.py').default_scope == 'mmpose'
    with pytest.raises(ValueError, match='leave out pretrained=True, or take one of configs/xas_photos_160.py, '):
        mmengine.hub.get_config('mmxas::_base_/default_runtime.py', pretrained=True)
    assert mmengine.hub.get_config('mmpose::_base_/default_runtime.py').default_scope == 'mmpose'


@pytest.mark.parametrize('name, alias', [('xas_photos_160', 'human'),
                                         ('projects/animal/configs/xas_dog_photos.py', 'dog')])
def test_the_hub_builds_a_model_with_its_weights_by_the_configs_name(name, alias):
    weights = find_model(alias).weights
    assert mmengine.hub.get_config(f'mmxas::{name}', pretrained=True).model_path == str(weights)
    model = mmengine.hub.get_model(f'mmxas::{name}', pretrained=True)
    state = read_safetensors(weights)['state_dict']
    ours = model.state_dict()
    assert all(torch.equal(ours[key], state[key].to(ours[key].dtype)) for key in state)


def test_a_second_call_changes_nothing():
    before = Config._get_cfg_path, mmengine.hub.get_config
    support_mmxas_paths()
    assert (Config._get_cfg_path, mmengine.hub.get_config) == before


def test_the_checkout_comes_before_the_wheels_copy_and_neither_is_an_error(tmp_path, monkeypatch):
    package = tmp_path / 'mmxas'
    package.mkdir()
    monkeypatch.setattr(config_paths, '_PACKAGE_ROOT', package)
    with pytest.raises(FileNotFoundError, match=r'no configs of mmxas: looked for .*configs \(checkout\)'):
        config_root()
    (package / '.mim' / 'configs').mkdir(parents=True)
    (tmp_path / 'configs').mkdir()
    assert config_root() == package / '.mim' / 'configs'  # a stranger's folder `configs` beside an installed package
    (tmp_path / 'setup.py').touch()
    assert config_root() == tmp_path / 'configs'


def test_projects_are_found_last_and_once(monkeypatch):
    others = [path for path in sys.path if path not in ('', '.', str(shipped_root()))]
    monkeypatch.setattr(sys, 'path', list(others))
    support_project_imports()
    support_project_imports()
    assert sys.path == [*others, str(shipped_root())]
    assert importlib.util.find_spec('projects.animal.animal') is not None


def test_importing_the_package_makes_projects_importable():
    assert str(shipped_root()) in sys.path
