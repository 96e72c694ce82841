import json

import cv2
import numpy as np
import pytest

from mmxas.interop import formats
from mmxas.interop.formats import read_keypoints, write_keypoints


@pytest.mark.parametrize(('name', 'lost'), [('a.csv', {'units'}), ('a.JSON', {'boxes', 'extras'})])
def test_the_name_tells_the_format(make_table, differences, tmp_path, name, lost):
    table = make_table()
    write_keypoints(table, tmp_path / name)
    assert differences(read_keypoints(tmp_path / name), table) == lost


def test_predictions_are_told_by_their_content(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(dict(instances=[], skeleton={})))
    with pytest.raises(ValueError, match='found {} in 1 files'):
        read_keypoints(tmp_path / 'a.json')


@pytest.mark.parametrize('name', ['a.json', 'a.csv', 'a.slp', '.'])
def test_a_table_is_one_of_a_h5(make_table, tmp_path, name):
    if name != '.':
        write_keypoints(make_table(2, 1).flat(), tmp_path / name)
    with pytest.raises(ValueError, match='--table x .table=.: only a .h5 holds several tables'):
        read_keypoints(tmp_path / name, table='x')


def test_sizes_are_those_of_images_in_the_project(make_table, tmp_path):
    """Of the file's own where it has any; a truncated image says nothing."""
    folder = tmp_path / 'project' / 'labeled-data' / 'cam1'
    folder.mkdir(parents=True)
    for name in ('a.png', 'b.png', 'cut.png'):
        cv2.imwrite(str(folder / name), np.zeros((30, 40, 3), np.uint8))
    (folder / 'cut.png').write_bytes((folder / 'cut.png').read_bytes()[:60])
    images = tuple(f'labeled-data/cam1/{name}' for name in ('a.png', 'b.png', 'cut.png', 'gone.png'))
    write_keypoints(make_table(2, 1, images=images, sizes={images[1]: (7, 5)}), folder / 'labels.json')
    assert list(read_keypoints(folder / 'labels.json').sizes.values()) == [(7, 5), (40, 30), None, None]
    write_keypoints(make_table(2, 1, images=('a.png', 'b.png')), folder / 'labels.csv')
    assert set(read_keypoints(folder / 'labels.csv').sizes.values()) == {(40, 30)}


def test_nothing_half_written_is_left_behind(make_table, tmp_path, monkeypatch):
    write_keypoints(make_table(2, 1), tmp_path / 'a.json')
    before = (tmp_path / 'a.json').read_bytes()

    def fail(table, path):
        path.write_text('half')
        raise ValueError('no more')

    monkeypatch.setitem(formats.FORMATS, '.json', (None, fail))
    with pytest.raises(ValueError, match='a.json: cannot be written .ValueError: no more.; choose another format'):
        write_keypoints(make_table(3), tmp_path / 'a.json')
    assert [path.name for path in tmp_path.iterdir()] == ['a.json'] and (tmp_path / 'a.json').read_bytes() == before


def test_other_names_are_refused(make_table, tmp_path):
    with pytest.raises(ValueError, match=r'a.txt: a name that ends in .csv and .h5 \(DeepLabCut\)'):
        write_keypoints(make_table(), tmp_path / 'a.txt')
    with pytest.raises(ValueError, match=r'a.txt: .csv and .h5 \(DeepLabCut\), .json .* expected'):
        read_keypoints(tmp_path / 'a.txt')
    with pytest.raises(FileNotFoundError, match='gone.csv'):
        read_keypoints(tmp_path / 'gone.csv')
