import json
from dataclasses import replace

import numpy as np
import pytest

from mmxas.exchange.coco import read_coco, write_coco


@pytest.mark.parametrize(('dims', 'hypotheses', 'scores'), [(2, 1, False), (2, 1, True), (3, 1, False), (3, 3, True)])
def test_a_round_trip_keeps_every_coordinate_and_name(make_table, assert_equal, tmp_path, dims, hypotheses, scores):
    table = make_table(dims, hypotheses, scores, images=('a.png', 'a.png'), individuals=('one', 'two'),
                       links=((0, 1), (1, 2)), boxes=np.array([[1.5, 2, 11.5, 22], [0, 0, 4, 5]]))
    write_coco(table, tmp_path / 'a.json')
    assert_equal(read_coco(tmp_path / 'a.json'), table)
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']


def test_x_or_y_alone_is_kept(make_table, assert_equal, tmp_path):
    table = make_table(2, 1, False, scorers=('Anna',))
    table.keypoints[0, 0, 0, 1] = table.keypoints[1, 0, 1, 0] = np.nan
    write_coco(table, tmp_path / 'a.json')
    assert_equal(read_coco(tmp_path / 'a.json'), table, 'boxes')
    first, _ = json.loads((tmp_path / 'a.json').read_text())['annotations']
    assert first['keypoints'][:3] == [0, 0, 0] and first['num_keypoints'] == 2
    table = make_table(2, 1, False)
    table.keypoints[0, 0, 0, 1] = np.nan  # of the first pose only
    write_coco(table, tmp_path / 'a.json')
    assert_equal(read_coco(tmp_path / 'a.json'), table, 'boxes')


def test_a_table_without_poses(make_table, assert_equal, tmp_path):
    table = make_table(2, 1, False)
    empty = replace(table, images=(), individuals=(), keypoints=table.keypoints[:0])
    write_coco(empty, tmp_path / 'a.json')
    assert_equal(read_coco(tmp_path / 'a.json'), empty)


def test_what_other_readers_see(make_table, tmp_path):
    from xtcocotools.coco import COCO
    table = make_table(links=((0, 1),))
    write_coco(table, tmp_path / 'a.json')
    coco = COCO(str(tmp_path / 'a.json'))
    first, second = coco.loadAnns(coco.getAnnIds())
    assert coco.loadCats(1)[0]['keypoints'] == list(table.names) and coco.loadCats(1)[0]['skeleton'] == [[1, 2]]
    np.testing.assert_array_equal(np.reshape(first['keypoints'], (3, 3))[:, :2], table.keypoints[0, 0, :, :2])
    assert second['keypoints'][6:] == [0, 0, 0] and second['num_keypoints'] == 2
    points = table.keypoints[0, 0, :, :2]
    np.testing.assert_allclose(first['bbox'], [*points.min(0), *np.ptp(points, axis=0)])
    assert first['score'] == pytest.approx(table.scores[0, 0].mean())


def test_a_scorer_is_kept_without_hypotheses(make_table, tmp_path):
    write_coco(make_table(2, 1, False, scorers=('Anna',)), tmp_path / 'a.json')
    assert 'hypotheses' not in (tmp_path / 'a.json').read_text()
    assert read_coco(tmp_path / 'a.json').scorers == ('Anna',)


@pytest.fixture
def broken(make_table, tmp_path):
    def write(change):
        write_coco(make_table(), tmp_path / 'a.json')
        content = json.loads((tmp_path / 'a.json').read_text())
        change(content)
        (tmp_path / 'a.json').write_text(json.dumps(content))
        return tmp_path / 'a.json'

    return write


@pytest.mark.parametrize(('change', 'message'), [
    (lambda c: c.pop('images'), 'images missing'),
    (lambda c: c.update(categories=[]), 'a.json: 0 categories with keypoints'),
    (lambda c: c['categories'].append(dict(id=2, keypoints=['x'])), '2 categories with keypoints; one'),
    (lambda c: c['annotations'][0].update(image_id=9), 'annotation 1 is of image 9, which is not among the images'),
    (lambda c: c['annotations'][0].update(hypotheses=None, keypoints=[1, 2]), '1 has 2 numbers of keypoints, 9'),
    (lambda c: c['annotations'][0]['hypotheses'][0].update(scores=[1]), '9 numbers of keypoints and 1 scores, 6 or 9'),
    (lambda c: c['annotations'][1]['hypotheses'].pop(), 'hypotheses of different scorers or coordinates'),
    (lambda c: c['annotations'][1]['hypotheses'][0].pop('scorer'), 'not COCO.s form of keypoints .KeyError: .scorer')])
def test_a_broken_file_is_named_with_its_place(broken, change, message):
    with pytest.raises(ValueError, match=message):
        read_coco(broken(change))
