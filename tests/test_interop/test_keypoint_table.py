import numpy as np
import pytest

from mmxas.interop.keypoint_table import KeypointTable, numbered, repeated


def test_defaults():
    table = KeypointTable(('a', 'b'), ('1.png',), np.zeros((1, 3, 2, 3)))
    assert table.scorers == ('mmxas_1', 'mmxas_2', 'mmxas_3') and table.individuals == ('',)
    assert table.units == ('px', 'px', 'mm') and table.sizes == {'1.png': None} and table.extras == ({},)
    assert KeypointTable(('a',), ('1.png',), np.zeros((1, 1, 1, 2))).units == ('px', 'px')
    assert numbered('x', 1) == ('x',) and repeated('abca') == 'a' and repeated('ab') is None


def test_separators_of_windows_and_images_without_a_pose():
    table = KeypointTable(('a',), ('d\\1.png',), np.zeros((1, 1, 1, 2)), sizes={'d\\0.png': (4, 3), 'd\\1.png': (2, 1)})
    assert table.images == ('d/1.png',) and list(table.sizes.items()) == [('d/0.png', (4, 3)), ('d/1.png', (2, 1))]


@pytest.mark.parametrize(('arguments', 'message'), [
    ((('a', 'a'), ('1',), np.zeros((1, 1, 2, 2))), "names: 'a' is named twice"),
    ((('a',), ('1',), np.zeros((1, 1, 2, 2))), r'names \(2,\) expected for keypoints \(1, 1, 2, 2\), found \(1,\)'),
    ((('a',), ('1', '2'), np.zeros((1, 1, 1, 2))), r'images \(1,\) expected'),
    ((('a',), ('1',), np.zeros((1, 1, 2))), r'shape \(N, H, K, 2 or 3\) expected, \(1, 1, 2\)'),
    ((('a',), ('1',), np.zeros((1, 1, 1, 2)), np.zeros((1, 1))), r'scores \(1, 1, 1\) expected .* found \(1, 1\)')])
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        KeypointTable(*arguments)


def test_top1_and_flat(make_table):
    table = make_table()
    top1, flat = table.top1(), table.flat()
    np.testing.assert_array_equal(top1.keypoints, table.keypoints[:, :1])
    np.testing.assert_array_equal(flat.scores, table.scores[:, :1])
    assert flat.keypoints.shape == (2, 1, 3, 2) and flat.units == ('px', 'px') and flat.scorers == ('mmxas_1',)


def test_names_and_their_order(make_table):
    table = make_table(individuals=('one', 'two'), bodies={'one': ('nose', 'tail')}).renamed({'tail': 'tail_end'})
    assert table.bodies == {'one': ('nose', 'tail_end')}
    arranged = table.arranged(('tail_end', 'chin', 'nose'), [(0, 2)])
    np.testing.assert_array_equal(arranged.keypoints[:, :, [0, 2]], table.keypoints[:, :, [2, 0]])
    assert np.isnan(arranged.keypoints[:, :, 1]).all() and np.isnan(arranged.scores[:, :, 1]).all()
    assert arranged.links == ((0, 2),)
    with pytest.raises(ValueError, match="'paw' cannot be renamed: there are nose"):
        table.renamed({'paw': 'foot'})
    with pytest.raises(ValueError, match='no keypoint in common: nose, .* chin wanted; rename some'):
        table.arranged(('chin',))


@pytest.mark.parametrize(('images', 'individuals', 'expected'), [
    (('a', 'b'), ('', ''), ('', '')),
    (('a', 'b', 'a'), ('', '', ''), ('individual1', 'individual1', 'individual2')),
    (('a', 'a'), ('', 'individual1'), ('individual2', 'individual1')),
    (('a', 'b'), ('7', ''), ('7', 'individual1')),
    (('a', 'a'), ('7', '7'), ('7', 'individual1'))])
def test_individuals_are_named_where_names_are_missing(make_table, images, individuals, expected):
    assert make_table(images=images, individuals=individuals).named_individuals().individuals == expected


def test_who_is_not_labelled_is_no_individual(make_table):
    extras, boxes = ({}, {'n': 1}, {'n': 2}), np.arange(12.).reshape(3, 4)
    table = make_table(images=('a.png', 'a.png', 'b.png'), extras=extras, boxes=boxes)
    table.keypoints[0] = np.nan
    found = table.named_individuals()
    assert found.images == ('a.png', 'b.png') and found.individuals == ('', '') and found.sizes == table.sizes
    assert found.extras == ({'n': 1}, {'n': 2}) and found.scores.shape == (2, 2, 3) and found.boxes[0, 0] == 4
    table.keypoints[:] = np.nan
    assert table.named_individuals().images == ()
