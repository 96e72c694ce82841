import pytest

from mmxas.io import shipped_files
from mmxas.io.shipped_files import find_named, find_shipped, shipped_root


def test_files_of_the_checkout_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_shipped('projects/animal/data/dog26.json')
    assert found.is_file() and found.is_absolute()


def test_the_readers_own_file_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / 'projects/animal/data/dog26.json'
    own.parent.mkdir(parents=True)
    own.write_text('{}')
    assert find_shipped('projects/animal/data/dog26.json').read_text() == '{}'
    assert find_shipped(own) == own


def test_what_is_not_there_stays_as_it_was_given():
    assert str(find_shipped('projects/none.json')) == 'projects/none.json'


@pytest.mark.parametrize('is_checkout', [True, False])
def test_a_wheel_brings_its_own_copy(tmp_path, monkeypatch, is_checkout):
    monkeypatch.setattr(shipped_files, 'PACKAGE_ROOT', tmp_path / 'mmxas')
    if is_checkout:
        (tmp_path / 'setup.py').touch()
    assert shipped_root() == (tmp_path if is_checkout else tmp_path / 'mmxas/.mim')


def test_a_name_is_a_shipped_file_before_it_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').mkdir()
    for file in ('data/clothes.json', 'clothes', 'other'):
        (tmp_path / file).touch()
    assert find_named('clothes', tmp_path / 'data', '.json') == tmp_path / 'data/clothes.json'
    assert str(find_named('other', tmp_path / 'data', '.json')) == 'other'
    assert find_named('projects/animal/data/dog26.json', tmp_path / 'data', '.json').is_file()
