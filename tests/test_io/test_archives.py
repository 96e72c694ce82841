import stat
import zipfile

import pytest

from mmxas.io import UnsafeFileError, check_archive
from mmxas.io.archives import FLOOR, allowed_size


def archive(path, name='a.npy', content=b'x', mode=0, compression=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, compression
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr(info, content)
    return path


def test_a_plain_archive_is_listed(tmp_path):
    assert [member.filename for member in check_archive(archive(tmp_path / 'a.zip', 'data/0'))] == ['data/0']


@pytest.mark.parametrize(('name', 'mode', 'message'), [
    ('../a', 0, 'outside'), ('a/../../b', 0, 'outside'), ('/etc/a', 0, 'outside'), ('..\\a', 0, 'outside'),
    ('a', stat.S_IFLNK | 0o777, 'symbolic link'),
])
def test_members_outside_and_links_are_refused_by_name(tmp_path, name, mode, message):
    with pytest.raises(UnsafeFileError, match=f'a.zip: its member .* {message}'):
        check_archive(archive(tmp_path / 'a.zip', name, mode=mode))


def test_a_bomb_is_refused_by_its_size(tmp_path):
    path = archive(tmp_path / 'a.zip', content=bytes(FLOOR + 1), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UnsafeFileError, match=f'unfold to {FLOOR + 1}, {FLOOR} expected at most'):
        check_archive(path)


def test_a_large_file_may_unfold_to_a_hundred_times_its_size():
    assert (allowed_size(1), allowed_size(1 << 30)) == (FLOOR, 100 << 30)
