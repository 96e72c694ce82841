import stat
import zipfile

import numpy as np
import pytest

from mmxas.io import UnsafeFileError, check_archive, open_arrays, read_array
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
    ('C:\\a', 0, 'outside'), ('c:a', 0, 'outside'),
    ('a', stat.S_IFLNK | 0o777, 'symbolic link'),
])
def test_members_outside_and_links_are_refused_by_name(tmp_path, name, mode, message):
    with pytest.raises(UnsafeFileError, match=f'a.zip: its member .* {message}'):
        check_archive(archive(tmp_path / 'a.zip', name, mode=mode))


def test_a_bomb_is_refused_by_its_size(tmp_path):
    path = archive(tmp_path / 'a.zip', content=bytes(FLOOR + 1), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UnsafeFileError, match=f'a.zip: unpacks to {FLOOR + 1} bytes, {FLOOR} expected at most'):
        check_archive(path)


def test_a_large_file_may_unpack_to_a_hundred_times_its_size():
    assert (allowed_size(1), allowed_size(1 << 30)) == (FLOOR, 100 << 30)


def lying_header(path):
    np.save(path, np.zeros((2, 3)))
    path.write_bytes(path.read_bytes().replace(b'(2, 3), }', b'(2, 9), }'))
    return path


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path, save):
    save(tmp_path / 'a.npz', a=np.arange(6).reshape(2, 3), b=np.array(['x', 'yy']), empty=np.zeros((0, 3)),
         one=np.float32(2))
    with open_arrays(tmp_path / 'a.npz') as content:
        assert content['a'].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert (content['b'].tolist(), content['empty'].shape, float(content['one'])) == (['x', 'yy'], (0, 3), 2.0)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.array([{}], dtype=object), b=np.zeros(2))
    with open_arrays(tmp_path / 'a.npz') as content:
        assert content['b'].shape == (2,)
        with pytest.raises(ValueError, match='allow_pickle=False'):
            content['a']
    with pytest.raises(ValueError, match=r'a.npz: not a whole .npz .*allow_pickle=False'), \
            open_arrays(tmp_path / 'a.npz') as content:
        content['a']
    np.save(tmp_path / 'a.npy', np.array([{}], dtype=object))
    with pytest.raises(ValueError, match='a.npy: not a .npy file of numbers .*Object arrays'):
        read_array(tmp_path / 'a.npy')


def test_a_header_that_lies_is_refused(tmp_path):
    path = lying_header(tmp_path / 'a.npy')
    with pytest.raises(ValueError, match='a.npy: not a .npy file of numbers .*expected 144 bytes got 48'):
        read_array(path)
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.write(path, 'a.npy')
    with pytest.raises(ValueError, match='a.npz: not a whole .npz file .*expected 144 bytes got 48'), \
            open_arrays(tmp_path / 'a.npz') as content:
        content['a']


@pytest.mark.parametrize('shape', ['(-1, 3), }', '(1 << 40, ), }', '(99999999, 99999999), }'])
def test_an_array_that_is_announced_too_large_takes_no_memory(tmp_path, shape):
    np.save(tmp_path / 'a.npy', np.zeros((2, 3)))
    data = (tmp_path / 'a.npy').read_bytes()
    (tmp_path / 'a.npy').write_bytes(data.replace(b'(2, 3), }'.ljust(len(shape)), shape.encode()))
    with pytest.raises(ValueError, match='a.npy: not a .npy file of numbers'):
        read_array(tmp_path / 'a.npy')


def test_an_array_that_is_missing_is_named_with_its_file(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros(2))
    with pytest.raises(ValueError, match=r'a.npz: not a whole .npz file \(KeyError: .b is not a file'), \
            open_arrays(tmp_path / 'a.npz') as content:
        content['b']


def test_other_files_are_named(tmp_path):
    (tmp_path / 'a.npz').write_bytes(b'PK\x03\x04 and no more')
    with pytest.raises(ValueError, match='a.npz: not a whole .npz file'), open_arrays(tmp_path / 'a.npz'):
        pass
    (tmp_path / 'a.npy').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='a.npy: not a .npy file'):
        read_array(tmp_path / 'a.npy')


def test_a_member_that_is_packed_in_an_unknown_way_is_named(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros(2))
    whole = bytearray((tmp_path / 'a.npz').read_bytes())
    place = whole.rfind(b'PK\1\2')
    whole[place + 10] = whole[8] = 97
    (tmp_path / 'a.npz').write_bytes(whole)
    with pytest.raises(ValueError, match=r'a\.npz: not a whole .npz.*compression'), \
            open_arrays(tmp_path / 'a.npz') as content:
        content['a']
