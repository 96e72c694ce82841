from dataclasses import replace

import numpy as np
import pytest

from mmxas.exchange.deeplabcut import from_wide, read_deeplabcut, to_wide, write_deeplabcut

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
"""
UNIQUE = """scorer,Anna,Anna,Anna,Anna,Anna,Anna
individuals,one,one,one,one,single,single
bodyparts,nose,nose,tail,tail,corner,corner
coords,x,y,x,y,x,y
0,1,2,3,4,5,6
1,,,,,7,8
"""


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        (tmp_path / 'a.csv').write_text(text)
        return read_deeplabcut(tmp_path / 'a.csv')

    return from_text


@pytest.mark.parametrize(('dims', 'hypotheses', 'scores'), [(2, 1, False), (2, 1, True), (3, 1, True), (3, 3, True)])
def test_a_round_trip_keeps_every_coordinate_and_name(make_table, assert_equal, tmp_path, dims, hypotheses, scores):
    table = make_table(dims, hypotheses, scores)
    write_deeplabcut(table, tmp_path / 'a.csv')
    assert_equal(read_deeplabcut(tmp_path / 'a.csv'), table, 'units')
    assert [path.name for path in tmp_path.iterdir()] == ['a.csv']


def test_a_round_trip_of_several_individuals(make_table, assert_equal, tmp_path):
    table = make_table(images=('a.png', 'a.png', 'b.png'), individuals=('one', 'two', 'two'))
    write_deeplabcut(table, tmp_path / 'a.csv')
    assert_equal(read_deeplabcut(tmp_path / 'a.csv'), table, 'units')
    header = (tmp_path / 'a.csv').read_text().splitlines()[:4]
    assert [line.partition(',')[0] for line in header] == ['scorer', 'individuals', 'bodyparts', 'coords']
    unnamed = make_table(images=('a.png', 'a.png'))
    assert from_wide(to_wide(unnamed), 'x').individuals == ('individual1', 'individual2')


@pytest.mark.parametrize(('unit', 'dims'), [('mm', 3), ('sides of the crop', 3), ('px', 2)])
def test_what_z_is_measured_in_is_not_made_up(make_table, unit, dims):
    table = make_table(dims, units=('px', 'px', unit)[:dims])
    assert from_wide(to_wide(table), 'x').units == ('px', 'px', 'unknown')[:dims]


def test_interleaved_individuals_come_back_grouped_by_image(make_table):
    table = make_table(images=('a.png', 'b.png', 'a.png', 'b.png'), individuals=('two', 'two', 'one', 'one'))
    found = from_wide(to_wide(table), 'x')
    assert list(zip(found.images, found.individuals)) == [
        ('a.png', 'two'), ('a.png', 'one'), ('b.png', 'two'), ('b.png', 'one')]
    np.testing.assert_array_equal(found.keypoints, table.keypoints[[0, 2, 1, 3]])


@pytest.mark.parametrize('scores', [False, True])
def test_a_table_without_poses(make_table, assert_equal, tmp_path, scores):
    full = make_table(2, 1, scores)
    empty = replace(full, images=(), individuals=(), keypoints=full.keypoints[:0],
                    scores=full.scores[:0] if scores else None)
    write_deeplabcut(empty, tmp_path / 'a.csv')
    assert_equal(read_deeplabcut(tmp_path / 'a.csv'), empty)
    with pytest.raises(ValueError, match='a.h5: a table without poses, one pose at least expected; write it as .csv'):
        write_deeplabcut(empty, tmp_path / 'a.h5')


def test_body_parts_that_only_one_individual_has(read):
    table = read(UNIQUE)
    assert table.names == ('nose', 'tail', 'corner') and table.individuals == ('one', 'single', 'single')
    nothing = [np.nan] * 2
    np.testing.assert_array_equal(table.keypoints[:, 0], [
        [[1, 2], [3, 4], nothing], [nothing, nothing, [5, 6]], [nothing, nothing, [7, 8]]])
    with pytest.raises(ValueError, match=r"no column y of 'corner' \(scorer 'Anna', individual 'single'\)"):
        read('\n'.join(line.rpartition(',')[0] for line in UNIQUE.splitlines()))


def test_labels_with_three_columns_of_index(read):
    table = read(LABELS)
    assert table.images == ('labeled-data/clip/img01.png', 'labeled-data/clip/img02.png')
    assert table.names == ('nose', 'tail') and table.scorers == ('Anna',) and table.scores is None
    np.testing.assert_array_equal(table.keypoints[:, 0], [[[1.5, 2.25], [np.nan] * 2], [[3, 4], [0.1, 1000]]])


def test_predictions_of_several_individuals(read):
    table = read(SEVERAL)
    assert table.images == ('0', '0', '1') and table.individuals == ('one', 'two', 'two')
    np.testing.assert_array_equal(table.keypoints[:, 0, 0], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(table.scores[:, 0, 0], [0.5, 0.25, 0.75])


def test_the_order_of_columns_does_not_matter(read):
    text = 'scorer,s,s,s,s\nbodyparts,a,b,b,a\ncoords,y,x,y,x\nf.png,1,2,3,4\n'
    np.testing.assert_array_equal(read(text).keypoints[0, 0], [[4, 1], [2, 3]])


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('scorer,,,Anna,Anna,Anna,Anna\n', '', 'a.csv: the header has the rows bodyparts, coords; .* no scorer'),
    ('bodyparts,,,nose,nose,tail,tail\n', '', 'no bodyparts'),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,w', 'the coordinates are x, y, w; x, y, and z or likelihood expected'),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,x', 'the column Anna /  / tail / x comes twice'),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x,likelihood', r"no column likelihood of 'nose' \(scorer 'Anna'\)"),
    ('Anna,Anna,Anna,Anna', 'Anna,Anna,Anna,', 'a column has no scorer'),
    ('coords,,,x,y,x,y', 'coords,,,x,y,x', 'rows of the header have 7, 7, 6 cells'),
    ('3,4,0.1,1e3', '3,4,0.1', 'line 5: 4 numbers expected, 3 cells found'),
    ('3,4,0.1,1e3', '3,4,0.1,far', "line 5: could not convert string to float: 'far'")])
def test_a_broken_file_is_named_with_its_place(read, old, new, message):
    assert old in LABELS
    with pytest.raises(ValueError, match=message):
        read(LABELS.replace(old, new, 1))


def test_no_file_and_no_text(read, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.csv: no such file'):
        read_deeplabcut(tmp_path / 'gone.csv')
    (tmp_path / 'b.csv').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='b.csv: not a table of text'):
        read_deeplabcut(tmp_path / 'b.csv')
    with pytest.raises(ValueError, match='rows none;'):
        read('')
