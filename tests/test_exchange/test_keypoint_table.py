import numpy as np
import pytest

from mmxas.exchange.keypoint_table import KeypointTable, numbered, repeated


def test_defaults():
    table = KeypointTable(('a', 'b'), ('1.png',), np.zeros((1, 3, 2, 3)))
    assert table.scorers == ('mmxas_1', 'mmxas_2', 'mmxas_3') and table.individuals == ('',)
    assert table.units == ('px', 'px', 'mm') and (table.dims, table.num_hypotheses) == (3, 3)
    assert KeypointTable(('a',), ('1.png',), np.zeros((1, 1, 1, 2))).units == ('px', 'px')
    assert numbered('x', 1) == ('x',) and repeated('abca') == 'a' and repeated('ab') is None


@pytest.mark.parametrize(('arguments', 'message'), [
    ((('a', 'a'), ('1',), np.zeros((1, 1, 2, 2))), "names: 'a' is named twice"),
    ((('a',), ('1',), np.zeros((1, 1, 2, 2))), r'2 names expected for keypoints of shape \(1, 1, 2, 2\), 1 found'),
    ((('a',), ('1', '2'), np.zeros((1, 1, 1, 2))), '1 images expected'),
    ((('a',), ('1',), np.zeros((1, 1, 2))), r'shape \(N, H, K, 2 or 3\) expected, \(1, 1, 2\)'),
    ((('a',), ('1',), np.zeros((1, 1, 1, 2)), np.zeros((1, 1))), r'scores of shape \(1, 1, 1\) expected, \(1, 1\)')])
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        KeypointTable(*arguments)


def test_confident_and_flat(make_table):
    table = make_table()
    confident, flat = table.confident(), table.flat()
    np.testing.assert_array_equal(confident.keypoints, table.keypoints[:, :1])
    np.testing.assert_array_equal(flat.scores, table.scores[:, :1])
    assert flat.keypoints.shape == (2, 1, 3, 2) and flat.units == ('px', 'px') and flat.scorers == ('mmxas_1',)


def test_names_and_their_order(make_table):
    table = make_table().renamed({'tail': 'tail_end'})
    arranged = table.arranged(('tail_end', 'chin', 'nose'), [(0, 2)])
    np.testing.assert_array_equal(arranged.keypoints[:, :, [0, 2]], table.keypoints[:, :, [2, 0]])
    assert np.isnan(arranged.keypoints[:, :, 1]).all() and np.isnan(arranged.scores[:, :, 1]).all()
    assert arranged.links == ((0, 2),)
    with pytest.raises(ValueError, match="'paw' cannot be renamed: there are nose"):
        table.renamed({'paw': 'foot'})
    with pytest.raises(ValueError, match='no keypoint in common: nose, .* are here, chin are wanted'):
        table.arranged(('chin',))


def test_individuals_are_named_where_an_image_has_several(make_table):
    assert make_table().named_individuals().individuals == ('', '')
    several = make_table(images=('a.png', 'b.png', 'a.png'))
    assert several.named_individuals().individuals == ('individual1', 'individual1', 'individual2')
