import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmxas.interop import read_keypoints, write_keypoints
from mmxas.interop.deeplabcut import read_deeplabcut, write_deeplabcut
from mmxas.io import UnsafeFileError

pandas = pytest.importorskip('pandas', reason='an optional requirement of DeepLabCut\'s files')
pytest.importorskip('tables', reason='an optional requirement of .h5 files')

LABELS = """scorer,,,Anna,Anna,Anna,Anna
bodyparts,,,nose,nose,tail,tail
coords,,,x,y,x,y
labeled-data,clip,img01.png,1.5,2.25,,
labeled-data,clip,img02.png,3,4,0.1,1e3
"""
SEVERAL = """scorer,net,net,net,net,net,net
individuals,one,one,one,two,two,two
bodyparts,nose,nose,nose,nose,nose,nose
coords,x,y,likelihood,x,y,likelihood
0,1,2,0.5,3,4,0.25
1,,,,5,6,0.75
2,,,,,,
"""
UNIQUE = """scorer,Anna,Anna,Anna,Anna,Anna,Anna,Anna,Anna
individuals,one,one,one,one,two,two,single,single
bodyparts,nose,nose,tail,tail,nose,nose,corner,corner
coords,x,y,x,y,x,y,x,y
0,1.0,2.0,3.0,4.0,,,5.0,6.0
1,,,,,,,7.0,8.0
"""


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        (tmp_path / 'a.csv').write_text(text)
        return read_deeplabcut(tmp_path / 'a.csv')

    return from_text


def frame(index=('a.png', 'b.png'), scorer='net'):
    columns = pandas.MultiIndex.from_product([[scorer], ['nose', 'tail'], ['x', 'y', 'likelihood']],
                                             names=['scorer', 'bodyparts', 'coords'])
    values = np.random.default_rng(0).random((len(index), 6))
    values[1:, 3:] = np.nan
    return pandas.DataFrame(values, index=index, columns=columns)


@pytest.mark.parametrize('suffix', ['.csv', '.h5'])
@pytest.mark.parametrize(('dims', 'hypotheses', 'scores'), [(2, 1, False), (2, 1, True), (3, 1, True), (3, 3, True)])
def test_a_round_trip_keeps_every_coordinate_and_name(make_table, differences, tmp_path, dims, hypotheses, scores,
                                                              suffix):
    table = make_table(dims, hypotheses, scores, sizes={'ä, empty.png': None})
    write_keypoints(table, tmp_path / f'a{suffix}')
    assert differences(read_keypoints(tmp_path / f'a{suffix}'), table) == ({'units'} if dims == 3 else set())
    assert [path.name for path in tmp_path.iterdir()] == [f'a{suffix}']


@pytest.mark.parametrize('suffix', ['.csv', '.h5'])
def test_what_a_round_trip_loses_is_what_the_docs_list(make_table, differences, tmp_path, suffix):
    table = make_table(links=((0, 1),), boxes=np.array([[0, 0, 9, 9], [1, 1, 8, 8.0]]), extras=({'a': 1}, {}),
                       sizes={'video a/img 1.png': (64, 48)}, units=('px', 'px', 'sides of the crop'))
    write_keypoints(table, tmp_path / f'a{suffix}')
    found = read_keypoints(tmp_path / f'a{suffix}')
    assert differences(found, table) == {'links', 'boxes', 'extras', 'sizes', 'units'}
    assert found.units == ('px', 'px', 'unknown')


def test_of_a_pose_without_any_keypoint_the_image_stays(make_table, tmp_path):
    table = make_table(2, 1, False)
    table.keypoints[0] = np.nan
    write_keypoints(table, tmp_path / 'a.csv')
    found = read_keypoints(tmp_path / 'a.csv')
    assert found.images == ('b.png',) and list(found.sizes) == list(table.images)


@pytest.mark.parametrize('several', [False, True])
def test_pandas_reads_what_is_written_as_deeplabcut_does(make_table, tmp_path, several):
    table = make_table(2, 1, individuals=('one', 'two') if several else ())
    levels = ['scorer', *['individuals'] * several, 'bodyparts', 'coords']
    for suffix in ('csv', 'h5'):
        write_keypoints(table, tmp_path / f'a.{suffix}')
    for found in (pandas.read_csv(tmp_path / 'a.csv', header=list(range(len(levels))), index_col=0,
                                  float_precision='round_trip'), pandas.read_hdf(tmp_path / 'a.h5', 'df_with_missing')):
        assert list(found.columns.names) == levels and list(found.index) == list(table.images)
        for pose, who in enumerate((['one'], ['two']) if several else ([], [])):
            cells = found.xs('mmxas', axis=1, level='scorer').iloc[pose]
            cells = (cells[who[0]] if who else cells).unstack('coords').loc[list(table.names)]
            np.testing.assert_array_equal(cells[['x', 'y']], table.keypoints[pose, 0])
            np.testing.assert_array_equal(cells['likelihood'], table.scores[pose, 0])


def test_sleap_io_reads_what_is_written_where_the_images_lie(make_table, tmp_path):
    sio = pytest.importorskip('sleap_io', reason='an optional requirement')
    table = make_table(2, 1, False, individuals=('one', 'two'),
                       images=('labeled-data/v/img1.png', 'labeled-data/v/img2.png'))
    for image in table.images:
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / image), np.zeros((4, 5, 3), np.uint8))
    write_keypoints(table, tmp_path / 'a.csv')
    labels = sio.load_file(str(tmp_path / 'a.csv'))
    assert len(labels) == 2 and [one.track.name for one in labels.tracks and labels[1].instances] == ['two']
    order = [labels.skeletons[0].node_names.index(name) for name in table.names]
    for pose, labeled in enumerate(labels):
        np.testing.assert_array_equal(labeled.instances[0].numpy()[order], table.keypoints[pose, 0])
    assert set(read_keypoints(tmp_path / 'a.csv').sizes.values()) == {(5, 4)}


@pytest.mark.parametrize('between', ['a.csv', 'a.json'])
def test_a_file_of_several_individuals_comes_back_as_it_was(tmp_path, between):
    """Neither a column more for who lacks a body part, nor one less for who is nowhere seen, nor a row less."""
    for text in (UNIQUE, SEVERAL):
        (tmp_path / 'theirs.csv').write_text(text)
        write_keypoints(read_keypoints(tmp_path / 'theirs.csv'), tmp_path / between)
        write_keypoints(read_keypoints(tmp_path / between), tmp_path / 'b.csv')
        ours, theirs = (pandas.read_csv(tmp_path / name, header=[0, 1, 2, 3], index_col=0)
                        for name in ('b.csv', 'theirs.csv'))
        pandas.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    assert (tmp_path / 'b.csv').read_text().splitlines()[:4] == SEVERAL.splitlines()[:4]


def test_poses_of_individuals(make_table, differences, tmp_path):
    table = make_table(images=('a.png', 'b.png', 'a.png', 'b.png'), individuals=('two', 'two', 'one', 'one'))
    write_deeplabcut(table, tmp_path / 'a.csv')
    found = read_deeplabcut(tmp_path / 'a.csv')  # grouped by image now
    assert list(zip(found.images, found.individuals)) == [
        ('a.png', 'two'), ('a.png', 'one'), ('b.png', 'two'), ('b.png', 'one')]
    np.testing.assert_array_equal(found.keypoints, table.keypoints[[0, 2, 1, 3]])
    assert found.bodies == dict.fromkeys(('two', 'one'), table.names)
    table = make_table(images=('a.png', 'a.png', 'a.png'))
    table.keypoints[0] = np.nan  # a box only
    write_deeplabcut(table, tmp_path / 'a.csv')
    assert read_deeplabcut(tmp_path / 'a.csv').individuals == ('individual1', 'individual2')


@pytest.mark.parametrize('suffix', ['.csv', '.h5'])
@pytest.mark.parametrize('scores', [False, True])
def test_a_table_without_poses(make_table, differences, tmp_path, scores, suffix):
    full = make_table(2, 1, scores)
    empty = replace(full, images=(), individuals=(), keypoints=full.keypoints[:0], extras=(), sizes={},
                    scores=full.scores[:0] if scores else None)
    write_keypoints(empty, tmp_path / f'a{suffix}')
    assert differences(read_keypoints(tmp_path / f'a{suffix}'), empty) == set()


def test_body_parts_that_only_one_individual_has(read):
    table = read(UNIQUE)
    assert table.names == ('nose', 'tail', 'corner') and table.individuals == ('one', 'single', 'single')
    assert table.bodies == dict(one=('nose', 'tail'), two=('nose',), single=('corner',))
    nothing = [np.nan] * 2
    np.testing.assert_array_equal(table.keypoints[:, 0], [
        [[1, 2], [3, 4], nothing], [nothing, nothing, [5, 6]], [nothing, nothing, [7, 8]]])
    with pytest.raises(ValueError, match=r"the column or row \('Anna', 'single', 'corner', 'y'\)"):
        read('\n'.join(line.rpartition(',')[0] for line in UNIQUE.splitlines()))


def test_labels_with_three_columns_of_index(read):
    table = read(LABELS)
    assert table.images == ('labeled-data/clip/img01.png', 'labeled-data/clip/img02.png')
    assert table.names == ('nose', 'tail') and table.scorers == ('Anna',) and table.scores is None
    np.testing.assert_array_equal(table.keypoints[:, 0], [[[1.5, 2.25], [np.nan] * 2], [[3, 4], [0.1, 1000]]])


def test_separators_of_windows_become_those_of_everybody(read, tmp_path):
    index = ['labeled-data\\cam1\\img1.png', 'labeled-data\\cam1\\img2.png']
    frame(index).to_csv(tmp_path / 'w.csv')
    frame(index).to_hdf(tmp_path / 'w.h5', key='df_with_missing')
    for name in ('w.csv', 'w.h5'):
        table = read_keypoints(tmp_path / name)
        assert table.images == tuple(table.sizes) == ('labeled-data/cam1/img1.png', 'labeled-data/cam1/img2.png')


def test_predictions_of_several_individuals(read):
    table = read(SEVERAL)
    assert table.images == ('0', '0', '1') and table.individuals == ('one', 'two', 'two')
    assert list(table.sizes) == ['0', '1', '2']
    np.testing.assert_array_equal(table.keypoints[:, 0, 0], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(table.scores[:, 0, 0], [0.5, 0.25, 0.75])


def test_the_order_of_columns_does_not_matter(read):
    text = 'scorer,s,s,s,s\nbodyparts,a,b,b,a\ncoords,y,x,y,x\nf.png,1,2,3,4\n'
    np.testing.assert_array_equal(read(text).keypoints[0, 0], [[4, 1], [2, 3]])


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('scorer,,,Anna,Anna,Anna,Anna\n', '', r"a.csv: header rows \('bodyparts', 'coords'\)"),
    ('bodyparts,,,nose,nose,tail,tail\n', '', r"rows \('scorer', 'coords'\), expected"),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,w', r"coordinates \('x', 'y', 'w'\)"),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,x', r"the column or row \('Anna', '', 'tail', 'y'\) is missing"),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,likelihood', r"the column or row \('Anna', '', 'nose', 'likelihood'\) is"),
    ('nose,nose,tail,tail', 'nose,nose,nose,nose', r"the column or row \('Anna', '', 'nose', 'x'\) is missing, or"),
    ('Anna,Anna,Anna,Anna', 'Anna,Anna,Anna,', r"has the scorers \('Anna', ''\)"),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x', 'a.csv, line 3: fewer than 7 cells'),
    ('3,4,0.1,1e3', '3,4,0.1', 'a.csv, line 5: fewer than 7 cells'),
    ('3,4,0.1,1e3', '3,4,0.1,1e3,9', 'a.csv: not a comma-separated table .* Expected 7 fields in line 5, saw 8'),
    ('3,4,0.1,1e3', '3,4,0.1,far', "a.csv: not a comma-separated table .* could not convert string to float: 'far'"),
    (LABELS, LABELS.replace(',', ';'), 'a.csv: no comma in its first line; .* not semicolons or tabs'),
    (LABELS, LABELS.replace(',', ';').replace('.', ','), 'a.csv: no comma in its first line'),
    ('img02', 'img01', "the column or row 'labeled-data/clip/img01.png' is missing, or comes twice"),
    (LABELS, LABELS.replace(',', '\t'), 'a.csv: no comma in its first line; .* not semicolons or tabs')])
def test_a_broken_file_is_named_with_its_place(read, old, new, message):
    assert old in LABELS
    with pytest.raises(ValueError, match=message):
        read(LABELS.replace(old, new, 1))


def test_no_file_no_text_and_a_byte_order_mark(read, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.csv'):
        read_deeplabcut(tmp_path / 'gone.csv')
    (tmp_path / 'b.csv').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='b.csv: not a comma-separated table'):
        read_deeplabcut(tmp_path / 'b.csv')
    with pytest.raises(ValueError, match='a.csv: no comma in its first line'):
        read('')
    (tmp_path / 'c.csv').write_bytes(b'\xef\xbb\xbf' + LABELS.encode())
    assert read_deeplabcut(tmp_path / 'c.csv').scorers == ('Anna',)


@pytest.mark.parametrize(('format', 'index'), [
    ('fixed', ('a.png', 'b.png')), ('fixed', (0, 1)), ('fixed', [('labeled-data', 'clip', 'a.png'), ('l', 'c', 'b')]),
    ('table', ('a.png', 'b.png')), ('table', (0, 1))])
def test_files_of_pandas(tmp_path, format, index):
    rows = pandas.MultiIndex.from_tuples(index) if isinstance(index, list) else pandas.Index(index)
    written = frame(rows)
    written.to_hdf(tmp_path / 'a.h5', key='df_with_missing', format=format, mode='w')
    table = read_deeplabcut(tmp_path / 'a.h5')
    assert table.images == tuple('/'.join(map(str, row)) if isinstance(row, tuple) else str(row) for row in index)
    values = np.concatenate([table.keypoints[:, 0], table.scores[:, 0, :, None]], axis=-1)
    np.testing.assert_array_equal(values.reshape(2, 6), written.to_numpy())


def test_frames_of_a_video_stay_numbers_in_h5(make_table, tmp_path):
    for images in (('3', '10'), ('03', '10')):
        write_keypoints(make_table(images=images), tmp_path / 'a.h5')
        assert list(pandas.read_hdf(tmp_path / 'a.h5').index) == ([3, 10] if images[0] == '3' else ['03', '10'])
        assert read_keypoints(tmp_path / 'a.h5').images == images


def test_one_of_several_tables_is_asked_for(tmp_path):
    frame(('a.png', 'b.png')).to_hdf(tmp_path / 'a.h5', key='df_with_missing')
    frame(('c.png', 'd.png', 'e.png')).to_hdf(tmp_path / 'a.h5', key='machinelabels')
    with pytest.raises(ValueError, match=r"holds the tables {'df_with_missing': '2 rows', 'machinelabels': '3 rows'}; "
                       'name the one to read .table=, --table'):
        read_keypoints(tmp_path / 'a.h5')
    assert read_keypoints(tmp_path / 'a.h5', table='machinelabels').images == ('c.png', 'd.png', 'e.png')
    assert read_keypoints(tmp_path / 'a.h5', table='df_with_missing').images == ('a.png', 'b.png')
    with pytest.raises(ValueError, match='holds the tables'):
        read_keypoints(tmp_path / 'a.h5', table='x')


def test_h5_files_that_hold_no_such_table_are_named(tmp_path):
    from h5py import File
    with File(tmp_path / 'sleap.h5', 'w') as file:
        file['tracks'], file['labels_path'] = np.zeros(3), 'a.slp'
    with pytest.raises(ValueError, match="sleap.h5: no data frame of pandas in it; if it is SLEAP's analysis"):
        read_deeplabcut(tmp_path / 'sleap.h5')
    (tmp_path / 'text.h5').write_text('no')
    with pytest.raises(ValueError, match='text.h5: not an HDF5 file'):
        read_deeplabcut(tmp_path / 'text.h5')
    objects = frame().astype(object)
    objects.iloc[0, 0] = 'far'
    objects.to_hdf(tmp_path / 'objects.h5', key='df_with_missing')
    with pytest.raises(ValueError, match='objects.h5: .* holds objects, which only a pickle could read'):
        read_deeplabcut(tmp_path / 'objects.h5')
    frame().droplevel('scorer', axis=1).to_hdf(tmp_path / 'levels.h5', key='df_with_missing')
    with pytest.raises(ValueError, match=r"levels.h5: header rows \('bodyparts', 'coords'\)"):
        read_deeplabcut(tmp_path / 'levels.h5')


class Attack:
    def __reduce__(self):
        return eval, ('1 / 0', )


def test_no_pickle_of_the_file_is_run(tmp_path):
    import pickle

    from h5py import File
    frame().to_hdf(tmp_path / 'a.h5', key='df_with_missing', format='table', mode='w')
    with File(tmp_path / 'a.h5', 'r+') as file:
        file['df_with_missing'].attrs['non_index_axes'] = np.bytes_(pickle.dumps([(1, [Attack()])], 0))
    with pytest.raises(UnsafeFileError, match=r'a.h5: df_with_missing names .*\.eval; nothing was exec'):
        read_deeplabcut(tmp_path / 'a.h5')


def test_without_the_packages_the_message_has_the_command(make_table, monkeypatch, tmp_path):
    frame().to_hdf(tmp_path / 'a.h5', key='df_with_missing')
    monkeypatch.setitem(sys.modules, 'tables', None)
    with pytest.raises(ImportError, match='a.h5: pandas tables h5py needed .* pip install pandas tables h5py'):
        read_deeplabcut(tmp_path / 'a.h5')
    with pytest.raises(ImportError, match='pip install pandas tables'):
        write_keypoints(make_table(), tmp_path / 'b.h5')
    assert [path.name for path in tmp_path.iterdir()] == ['a.h5']
