import pickle

import numpy as np
import pytest

from mmxas.io import UnsafeFileError, check_hdf

h5py = pytest.importorskip('h5py', reason='an optional requirement of .h5 files')


class Attack:
    def __reduce__(self):
        return eval, ('1 / 0', )


@pytest.fixture
def write(tmp_path):
    """A file with an attribute of its root, of a group, and of an array."""

    def make(**attributes):
        with h5py.File(tmp_path / 'a.h5', 'w') as file:
            file['group/array'], file['text'] = np.zeros(3), 'a string.'
            for place, value in attributes.items():
                dict(root=file, group=file['group'], array=file['group/array'])[place].attrs['x'] = value
        return tmp_path / 'a.h5'

    return make


def test_plain_containers_and_text_pass(write):
    plain = {1: {'names': [None, 'a'], 'type': 'b'}, 'c': (1, 2.5)}
    check_hdf(write(root=np.bytes_(pickle.dumps(plain, 0)), group='A title.', array=np.arange(3)))


@pytest.mark.parametrize('place', ['root', 'group', 'array'])
@pytest.mark.parametrize('protocol', [0, 1])
def test_a_pickle_that_names_an_object_is_refused_and_not_run(write, place, protocol):
    value = np.bytes_(pickle.dumps([1, Attack()], protocol))
    with pytest.raises(UnsafeFileError, match=r'a.h5: .* names .*\.eval; plain text expected. Nothing of the file was'):
        check_hdf(write(**{place: value}))


@pytest.mark.parametrize('value', [
    pickle.dumps(Attack(), 0).decode(),  # as text of variable length
    np.array([b'x', pickle.dumps(Attack(), 0)]),  # in an array
    b'Pid\n.'])  # a persistent id
def test_every_form_of_an_attribute_is_looked_at(write, value):
    with pytest.raises(UnsafeFileError, match='a.h5: group names'):
        check_hdf(write(group=value))


def test_arrays_of_objects_and_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('deep/objects', (1,), dtype=h5py.vlen_dtype(np.uint8))
    with pytest.raises(ValueError, match='a.h5: deep/objects holds objects, which only a pickle could read'):
        check_hdf(tmp_path / 'a.h5')
    (tmp_path / 'b.h5').write_text('no')
    with pytest.raises(ValueError, match='b.h5: not an HDF5 file'):
        check_hdf(tmp_path / 'b.h5')
    with pytest.raises(FileNotFoundError):
        check_hdf(tmp_path / 'gone.h5')
