import copy
import json

import numpy as np
import pytest

from mmxas.interop.prediction_records import read_predictions

RECORD = dict(
    image='photos/a.jpg', image_size=dict(width=64, height=48),
    skeleton=dict(name='s', keypoints=['root', 'tip'], links=[[0, 1]]),
    instances=[dict(
        bbox=[1.0, 2.0, 3.0, 4.0], units=['px', 'px', 'mm'],
        hypotheses=[dict(keypoints=[[1.5, 2, 3], [4, 5, 6]], keypoint_scores=[0.5, 0.25]),
                    dict(keypoints=[[1.5, 2, 7], [4, 5, 8]], keypoint_scores=[0.1, 0.2])])])


@pytest.fixture
def folder(tmp_path):
    def write(*changes):
        for number, change in enumerate((lambda record: None, *changes)):
            record = copy.deepcopy(RECORD)
            change(record)
            (tmp_path / f'{number}.json').write_text(json.dumps(record))
        return tmp_path

    return write


def test_files_become_a_table(folder):
    table = read_predictions(folder(lambda record: record.update(image=None)), 'net')
    assert table.images == ('photos/a.jpg', '1') and table.names == ('root', 'tip') and table.links == ((0, 1),)
    assert table.scorers == ('net_1', 'net_2') and table.units == ('px', 'px', 'mm')
    np.testing.assert_array_equal(table.keypoints[1, 1], [[1.5, 2, 7], [4, 5, 8]])
    np.testing.assert_array_equal(table.scores[0], [[0.5, 0.25], [0.1, 0.2]])
    np.testing.assert_array_equal(table.boxes[0], [1, 2, 3, 4])
    assert table.sizes == {'photos/a.jpg': (64, 48), '1': (64, 48)}


def test_frame_10_comes_after_frame_2(folder):
    table = read_predictions(folder(*[lambda record: record.update(image=None)] * 10))
    assert table.images == ('photos/a.jpg', *map(str, range(1, 11)))


@pytest.mark.parametrize(('change', 'message'), [
    (lambda r: r['instances'][0].update(units=['px', 'px', 'crops']),
     r"names, units and hypotheses, found .*'px', 'px', 'mm'.*'0.json'.*'px', 'px', 'crops'.*'1.json'"),
    (lambda r: r['instances'][0]['hypotheses'].pop(), "'0.json'.*, 1.: '1.json'} in 2 files"),
    (lambda r: r.pop('skeleton'), '1.json: an object with skeleton, instances expected; skeleton missing'),
    (lambda r: r['instances'][0].pop('bbox'), '1.json: not a prediction of tools/infer.py .KeyError')])
def test_what_does_not_fit_is_named(folder, change, message):
    with pytest.raises(ValueError, match=message):
        read_predictions(folder(change))


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match='found {} in 0 files'):
        read_predictions(tmp_path)
    with pytest.raises(FileNotFoundError, match='gone.json'):
        read_predictions(tmp_path / 'gone.json')
    (tmp_path / 'a.json').write_text(json.dumps(dict(RECORD, instances=[])))
    with pytest.raises(ValueError, match='found {} in 1 files'):
        read_predictions(tmp_path)


def test_frames_come_by_number_and_macos_files_are_none(folder, tmp_path):
    for name in ('10', '2', '._2'):
        (tmp_path / f'{name}.json').write_text(json.dumps(dict(RECORD, image=name)) if name != '._2' else 'x')
    assert read_predictions(tmp_path).images == ('2', '10')


def test_of_several_runs_one_is_chosen(folder):
    path = folder(lambda r: r.update(run='2026-01-02T03:04:05+00:00', image='new'),
                  lambda r: r.update(run='2025-12-31T23:59:59+00:00', image='old'))
    with pytest.raises(ValueError, match=r'several runs of tools/infer.py \(1 of 2025-12-31T23:59:59\+00:00, 1 of '
                                         r'2026.*, 1 of unknown\); use --run last or --run all'):
        read_predictions(path)
    assert read_predictions(path, run='last').images == ('new', )
    assert read_predictions(path, run='all').images == ('photos/a.jpg', 'new', 'old')
    assert read_predictions(path / '2.json').images == ('old', )
