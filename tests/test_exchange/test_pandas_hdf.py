import pickle

import numpy as np
import pytest

from mmxas.exchange.deeplabcut import read_deeplabcut, write_deeplabcut
from mmxas.exchange.pandas_hdf import read_frame, write_frame
from mmxas.safe_files import UnsafeFileError

h5py = pytest.importorskip('h5py', reason='an optional requirement of .h5 files')


@pytest.fixture(scope='module')
def pandas():
    pytest.importorskip('tables', reason='an optional requirement of writing .h5 files')
    return pytest.importorskip('pandas', reason='an optional requirement of writing .h5 files')


def frame(pandas, index=('a.png', 'b.png')):
    columns = pandas.MultiIndex.from_product([['net'], ['nose', 'tail'], ['x', 'y', 'likelihood']],
                                             names=['scorer', 'bodyparts', 'coords'])
    values = np.random.default_rng(0).random((2, 6))
    values[1, 3:] = np.nan
    return pandas.DataFrame(values, index=index, columns=columns)


def test_a_round_trip_keeps_every_coordinate_and_name(pandas, make_table, assert_equal, tmp_path):
    table = make_table(images=('a.png', 'ä.png', 'b.png'), individuals=('one', 'two', 'two'))
    write_deeplabcut(table, tmp_path / 'a.h5')
    assert_equal(read_deeplabcut(tmp_path / 'a.h5'), table, 'units')
    assert [path.name for path in tmp_path.iterdir()] == ['a.h5']


def test_pandas_reads_what_is_written(pandas, make_table, tmp_path):
    write_deeplabcut(make_table(2, 1), tmp_path / 'a.h5')
    found = pandas.read_hdf(tmp_path / 'a.h5')
    assert list(found.columns.names) == ['scorer', 'bodyparts', 'coords'] and list(found.index)[1] == 'b.png'
    np.testing.assert_array_equal(found['mmxas']['nose']['x'].to_numpy(), make_table(2, 1).keypoints[:, 0, 0, 0])


@pytest.mark.parametrize(('format', 'index'), [
    ('fixed', ('a.png', 'b.png')), ('fixed', (0, 1)), ('fixed', [('labeled-data', 'clip', 'a.png'), ('l', 'c', 'b')]),
    ('table', ('a.png', 'b.png')), ('table', (0, 1))])
def test_files_of_pandas(pandas, tmp_path, format, index):
    rows = pandas.MultiIndex.from_tuples(index) if isinstance(index, list) else pandas.Index(index)
    written = frame(pandas, rows)
    written.to_hdf(tmp_path / 'a.h5', key='df_with_missing', format=format, mode='w')
    levels, columns, names, values = read_frame(tmp_path / 'a.h5')
    assert levels == ('scorer', 'bodyparts', 'coords') and columns == list(written.columns)
    assert names == ['/'.join(map(str, row)) if isinstance(row, tuple) else str(row) for row in index]
    np.testing.assert_array_equal(values, written.to_numpy())


class Attack:
    def __reduce__(self):
        return eval, ('1 / 0', )


def test_no_pickle_of_the_file_is_run(pandas, tmp_path):
    frame(pandas).to_hdf(tmp_path / 'a.h5', key='df_with_missing', format='table', mode='w')
    with h5py.File(tmp_path / 'a.h5', 'r+') as file:
        file['df_with_missing'].attrs['non_index_axes'] = np.bytes_(pickle.dumps([(1, [Attack()])], 0))
    with pytest.raises(UnsafeFileError, match=r'a.h5: labels of columns name .*\.eval; .* Nothing of the file was'):
        read_frame(tmp_path / 'a.h5')


def test_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / 'sleap.h5', 'w') as file:
        file['tracks'] = np.zeros(3)
    with pytest.raises(ValueError, match='sleap.h5: a SLEAP analysis file; export .slp'):
        read_frame(tmp_path / 'sleap.h5')
    with h5py.File(tmp_path / 'frame.h5', 'w') as file:
        file.create_group('a').attrs['pandas_type'] = 'frame'
    with pytest.raises(ValueError, match='frame.h5: not a data frame as pandas writes it'):
        read_frame(tmp_path / 'frame.h5')
    (tmp_path / 'text.h5').write_text('no')
    with pytest.raises(ValueError, match='text.h5: not a data frame'):
        read_frame(tmp_path / 'text.h5')


def test_without_the_packages_the_message_has_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__('sys').modules, 'h5py', None)
    with pytest.raises(ImportError, match='pip install h5py; or write it as .csv instead'):
        read_frame(tmp_path / 'a.h5')
    monkeypatch.setitem(__import__('sys').modules, 'tables', None)
    with pytest.raises(ImportError, match='pip install pandas tables; or write it as .csv instead'):
        write_frame(tmp_path / 'a.h5', ['coords'], [('x',)], ['a'], np.zeros((1, 1)))
    assert list(tmp_path.iterdir()) == []
