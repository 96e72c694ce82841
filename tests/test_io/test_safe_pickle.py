import os
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from mmxas.body_models import UnsafePickleError, load_pickle

from .pickle_writer import Call, Global, chumpy_array, chumpy_select, old_array, old_object, old_sparse, write_pickle

RECONSTRUCT_ARRAY = Global('numpy.core.multiarray', '_reconstruct')
RECONSTRUCT_OBJECT = Global('copy_reg', '_reconstructor')


class Evil:
    """Runs a command where a pickle is trusted."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def read(tmp_path):
    def read(content: bytes):
        path = tmp_path / 'model.pkl'
        path.write_bytes(content)
        return load_pickle(path)
    return read


@pytest.mark.parametrize('protocol', range(6))
def test_todays_pickles_of_any_protocol(read, protocol):
    matrix = sparse.random(6, 5, 0.4, 'csc', random_state=0)
    content = {
        'v': np.arange(12.0).reshape(3, 4), 'fortran': np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        'big': np.arange(3, dtype='>f4'), 'scalar': np.float32(0.5), 'text': 'lbs', 'names': np.array(['a', 'bc']),
        'sparse': matrix, 'nested': {'list': [1, (2.5, True)]},
        'empty': np.zeros((0, 3)), 'flag': np.array(True),
    }
    loaded = read(pickle.dumps(content, protocol))
    assert set(loaded) == set(content)
    for key in ('v', 'fortran', 'big', 'names', 'empty', 'flag'):
        np.testing.assert_array_equal(loaded[key], content[key])
        assert loaded[key].dtype == content[key].dtype.newbyteorder('=')
    assert loaded['scalar'] == 0.5 and loaded['text'] == 'lbs' and loaded['nested'] == content['nested']
    np.testing.assert_array_equal(loaded['sparse'].toarray(), matrix.toarray())


@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
@pytest.mark.parametrize('module', ['scipy.sparse.csc', 'scipy.sparse._csc'])
def test_python_2_pickles_with_chumpy(read, core, module):
    rng = np.random.default_rng(1)
    template, pool = rng.normal(size=(5, 3)), rng.normal(size=(4, 6))
    regressor = sparse.csc_matrix(rng.dirichlet(np.ones(5), 2))
    indices = np.array([3, 0, 23, 7, 7, 1])
    loaded = read(write_pickle({
        b'v_template': chumpy_array(template), b'shapedirs': chumpy_select(pool, indices, (3, 2)),
        b'J_regressor': old_sparse(regressor, module), b'f': old_array(np.arange(6, dtype='<u4').reshape(2, 3), core),
        b'fortran': old_array(np.asfortranarray(pool), core), b'bs_style': b'lbs'}))
    np.testing.assert_array_equal(loaded['v_template'], template)
    np.testing.assert_array_equal(loaded['shapedirs'], pool.ravel()[indices].reshape(3, 2))
    np.testing.assert_array_equal(loaded['J_regressor'].toarray(), regressor.toarray())
    np.testing.assert_array_equal(loaded['f'], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(loaded['fortran'], pool)
    assert loaded['bs_style'] == 'lbs'


def test_chumpy_select_without_shape_stays_flat(read):
    state = {b'a': chumpy_array(np.arange(4.0)), b'idxs': old_array(np.array([2, 2, 0]))}
    loaded = read(write_pickle({b'x': old_object(Global('chumpy.reordering', 'Select'), state)}))
    np.testing.assert_array_equal(loaded['x'], [2, 2, 0])


@pytest.mark.parametrize(('evil', 'name'), [
    (Evil(os.system, 'touch {}'), 'system'),
    (Evil(eval, '__import__("os").system("touch {}")'), 'eval'),
    (Evil(exec, 'open("{}", "w")'), 'exec'),
    (Evil(getattr, os, 'system'), 'getattr'),
    (Evil(np.load, '{}', None, True), 'load'),
    (Evil(__import__, 'os'), '__import__'),
])
@pytest.mark.parametrize('protocol', [0, 2, 4])
@pytest.mark.parametrize('nest', [
    lambda evil: evil,
    lambda evil: {'v_template': np.zeros(3), 'deep': [{'x': (evil,)}]},
    lambda evil: {'objects': np.array([evil], dtype=object)},
], ids=['bare', 'nested', 'in an array'])
def test_refuses_by_name_and_executes_nothing(read, tmp_path, evil, name, protocol, nest):
    marker = tmp_path / 'executed'
    function, arguments = evil.call
    arguments = tuple(a.format(marker) if isinstance(a, str) else a for a in arguments)
    if os in arguments:  # a module cannot be pickled, its name can
        arguments = ('os', 'system')
    with pytest.raises(UnsafePickleError, match=rf'model\.pkl: refused to load [\w.]+\.{name}: .*Nothing .* executed'):
        read(pickle.dumps(nest(Evil(function, *arguments)), protocol))
    assert not marker.exists()


@pytest.mark.parametrize(('item', 'message'), [
    (Global('numpy', 'ndarray.tofile'), 'refused to load numpy.ndarray.tofile'),
    (Global('numpy.core.multiarray', 'fromfile'), 'refused to load numpy.core.multiarray.fromfile'),
    (Global('chumpy.ch', 'depends_on'), 'refused to load chumpy.ch.depends_on'),
])
def test_refuses_names_beside_those_that_are_allowed(read, item, message):
    with pytest.raises(UnsafePickleError, match=f'model.pkl: {message}'):
        read(write_pickle({b'x': item}))


@pytest.mark.parametrize('item', [
    Call(RECONSTRUCT_ARRAY, (Global('__builtin__', 'set'), (0,), b'b')),
    Call(RECONSTRUCT_OBJECT, (Global('chumpy.ch', 'Ch'), Global('__builtin__', 'set'), None)),
    Call(RECONSTRUCT_OBJECT, (RECONSTRUCT_OBJECT, Global('__builtin__', 'object'), None)),
    Call(RECONSTRUCT_OBJECT, (b'Ch', Global('__builtin__', 'object'), None)),
    Call(Global('__builtin__', 'object'), ()), Global('__builtin__', 'object'), Global('chumpy.ch', 'Ch'),
    Call(Call(Global('chumpy.ch', 'Ch'), ()), ()), Call(Global('__builtin__', 'set'), (1 << 30,)),
    Call(Global('numpy', 'ndarray'), ((1 << 20, 1 << 20),)), Call(Global('numpy', 'dtype'), (b'V8',)),
    Call(Global('scipy.sparse.csc', 'csc_matrix'), ((1 << 20, 1 << 20),)),
])
def test_refuses_misuse_of_what_is_allowed(read, item):
    with pytest.raises(ValueError, match='model.pkl: cannot be read as a pickle'):
        read(write_pickle({b'x': item}))


def test_refuses_persistent_ids(read):
    with pytest.raises(ValueError, match=r'model\.pkl: .*persistent id'):
        read(b'\x80\x02N' + b'U\x03abcQ.')


def test_cannot_change_the_reader_through_a_pickle(read):
    """BUILD sets attributes on whatever it finds; the stand-ins do not let it."""
    for target in (RECONSTRUCT_ARRAY, RECONSTRUCT_OBJECT, Global('_codecs', 'encode'), Global('numpy', 'dtype'),
                   Global('__builtin__', 'object'), Global('__builtin__', 'set')):
        body = write_pickle(target)[:-1] + write_pickle({b'kind': b'evil'})[2:-1] + b'b.'
        with pytest.raises(ValueError, match=r'model\.pkl: (cannot be read|a dictionary of arrays expected)'):
            read(body)
    assert read(pickle.dumps({'x': np.arange(2)}))['x'].tolist() == [0, 1]


@pytest.mark.parametrize('keep', [0, 1, 20, -1])
def test_truncated_file_is_named(read, keep):
    whole = pickle.dumps({'v_template': np.arange(30.0)}, 2)
    with pytest.raises(ValueError, match=r'model\.pkl: cannot be read as a pickle .*copy or download it again'):
        read(whole[:keep])


def test_array_with_missing_bytes_is_named(read):
    broken = old_array(np.arange(4.0))
    broken = broken._replace(state=(*broken.state[:4], broken.state[4][:-8]))
    with pytest.raises(ValueError, match=r'cannot reshape array of size 3 into shape \(4,\)'):
        read(write_pickle({b'x': broken}))


@pytest.mark.parametrize('shape', [(1 << 15, 1 << 15), (-1, 3)])
def test_absurd_shapes_are_refused(read, shape):
    broken = old_array(np.arange(4.0))
    with pytest.raises(ValueError, match='cannot reshape array'):
        read(write_pickle({b'x': broken._replace(state=(1, shape, *broken.state[2:]))}))


def test_other_dtypes_are_refused(read):
    with pytest.raises(ValueError, match='numbers or text expected'):
        read(pickle.dumps({'x': np.zeros(2, 'M8[s]')}))


@pytest.mark.parametrize(('item', 'message'), [
    (Call(Global('chumpy.ch', 'Ch'), (), {b'y': 1}), "KeyError: 'x'"),
    (Call(RECONSTRUCT_ARRAY, (Global('numpy', 'ndarray'), (0,), b'b')), 'TypeError'),
    (Call(Global('numpy', 'dtype'), (3,)), 'TypeError'),
    (Call(Global('numpy.core.multiarray', 'scalar'), (b'O', b'x' * 8)), 'cannot create an OBJECT array'),
    (Call(Global('numpy.core.multiarray', 'scalar'), (b'f8', b'x' * 7)), 'buffer size'),
    (Call(Global('__builtin__', 'bytearray'), (1 << 30,)), 'a bytes-like object is required'),
    (Global('numpy', 'nothing_to_instantiate'), 'refused'),
])
def test_hollow_objects_are_refused(read, item, message):
    with pytest.raises(ValueError, match=rf'model\.pkl: .*{message}'):
        read(write_pickle({b'x': item}))


def test_top_level_must_be_a_dictionary(read):
    with pytest.raises(ValueError, match='a dictionary of arrays expected, ndarray found'):
        read(pickle.dumps(np.zeros(3)))


def test_slots_of_an_object_are_read(read):
    state = ({b'x': old_array(np.ones(2))}, None)
    assert read(write_pickle({b'a': old_object(Global('chumpy', 'Ch'), state)}))['a'].tolist() == [1, 1]


CHUMPY = Global('chumpy.ch', 'Ch')


def shared(item, times: int) -> bytes:
    """A pickle of a dictionary with a list that refers to an item so many times."""
    body = write_pickle(item)[2:-1]
    return b'\x80\x02}U\x01a](' + body + b'r\x00\x10\x00\x00' + b'j\x00\x10\x00\x00' * (times - 1) + b'es.'


def test_what_is_referred_to_often_is_converted_once(read):
    first, second = read(shared(old_array(np.arange(4.0)), 2))['a']
    assert first is second and first.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(('item', 'times'), [
    (old_array(np.ones(1 << 14)), 2048), (b'x' * (1 << 16), 1024),
    (old_sparse(sparse.csc_matrix((1 << 16, 1)), 'scipy.sparse.csc'), 512),
    (old_array(np.ones(1 << 17, np.int8)), 256),
], ids=['arrays', 'texts', 'sparse matrices', 'small numbers'])
def test_each_reference_counts_as_a_copy(read, item, times):
    assert len(read(shared(item, times - 8))['a']) == times - 8
    with pytest.raises(UnsafePickleError, match=r'model\.pkl: refused a content of more than 268435456 bytes'):
        read(shared(item, times + 1))


def test_the_bytes_of_many_sparse_matrices_are_counted_together(read):
    empty = {name.encode(): old_sparse(sparse.csc_matrix((1 << 24, 1)), 'scipy.sparse.csc') for name in 'abc'}
    assert read(write_pickle({b'a': empty[b'a']}))['a'].shape == (1 << 24, 1)
    with pytest.raises(UnsafePickleError, match='of more than 268435456 bytes'):
        read(write_pickle(empty))


def test_a_selection_is_of_numbers(read):
    """Of long texts, each short index would select another copy."""
    state = {b'a': old_array(np.array(['x' * (1 << 16)])), b'idxs': old_array(np.zeros(1 << 11, np.int64))}
    with pytest.raises(ValueError, match='could not convert string to float'):
        read(write_pickle({b'x': old_object(Global('chumpy.reordering', 'Select'), state)}))


def test_texts_are_not_made_as_long_as_the_longest(read):
    with pytest.raises(ValueError, match='could not convert string to float') as raised:
        read(write_pickle({b'a': old_object(CHUMPY, {b'x': [b'x' * (1 << 16)] + [b'a'] * 9})}))
    assert len(str(raised.value)) < 1000


def test_no_room_is_made_for_references_that_are_announced(read):
    tracemalloc.start()
    assert read(b'\x80\x05}r\x00\x00\x00\x04.') == {}  # reference number 2^26
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24


def test_a_bytearray_comes_back(read):
    assert read(pickle.dumps({'a': bytearray(b'abc')}, 5)) == {'a': bytearray(b'abc')}
