import json

import pytest

from mmxas.exchange.formats import read_keypoints, write_keypoints


@pytest.mark.parametrize(('name', 'lost'), [('a.csv', 'units'), ('a.JSON', 'boxes')])
def test_the_name_tells_the_format(make_table, assert_equal, tmp_path, name, lost):
    table = make_table()
    write_keypoints(table, tmp_path / name)
    assert_equal(read_keypoints(tmp_path / name), table, lost)


def test_predictions_are_told_by_their_content(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(dict(instances=[], skeleton={})))
    with pytest.raises(ValueError, match='no pose in 1 files'):
        read_keypoints(tmp_path / 'a.json')


def test_other_names_are_refused(make_table, tmp_path):
    with pytest.raises(ValueError, match=r'a.txt: a name that ends in .csv and .h5 \(DeepLabCut\)'):
        write_keypoints(make_table(), tmp_path / 'a.txt')
    (tmp_path / 'a.txt').touch()
    with pytest.raises(ValueError, match=r'a.txt: .csv and .h5 \(DeepLabCut\), .json .* expected'):
        read_keypoints(tmp_path / 'a.txt')
    with pytest.raises(FileNotFoundError, match='gone.csv: no such file'):
        read_keypoints(tmp_path / 'gone.csv')
