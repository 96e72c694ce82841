import numpy as np

from mmxas.evaluation.report import (
    Pooled,
    background_of,
    backgrounds,
    flatten,
    grouped,
    printed,
    sample_key,
    spread,
    summarise,
    tables_by,
)

ERRORS = dict(
    top1={'MPJPE': np.array([10.0, 20.0, 60.0, np.nan]), 'P-MPJPE': np.array([1.0, 2.0, 3.0, np.nan])},
    mask_iou=np.array([0.5, np.nan, 0.7, 0.9]))
CLIPS = ['run', 'run', 'roll', 'walk']


def test_means_leave_out_what_is_missing():
    assert summarise(ERRORS, np.ones(4, bool)) == {
        'top1': {'MPJPE': 30.0, 'P-MPJPE': 2.0}, 'mask_iou': (0.5 + 0.7 + 0.9) / 3}
    assert summarise(ERRORS, np.array([False, False, False, True])) == {'mask_iou': 0.9}


def test_groups_are_kept_apart():
    tables = grouped(ERRORS, CLIPS, dict(held_out=['run', 'dance'], ood=['roll'], none=['swim']))
    assert list(tables) == ['held_out', 'ood']
    assert tables['held_out'] == dict(
        num_samples=2, clips=['run'], top1={'MPJPE': 15.0, 'P-MPJPE': 1.5}, mask_iou=0.5)
    assert tables['ood']['top1']['MPJPE'] == 60
    assert grouped(ERRORS, CLIPS, None)['all']['num_samples'] == 4


def test_flat_names():
    table = grouped(ERRORS, CLIPS, dict(ood=['roll']))['ood']
    assert flatten(table) == {'top1/MPJPE': 60.0, 'top1/P-MPJPE': 3.0, 'mask_iou': 0.7}


def test_printed_table():
    text = printed(grouped(ERRORS, CLIPS, None), 'mm')
    row = next(line for line in text.splitlines() if 'top1' in line)
    cells = [cell.strip() for cell in row.strip('|').split('|')]
    assert cells == ['all', '4', 'top1', '30.0', '2.0', '0.700']
    assert 'top1' in printed(dict(all=dict(num_samples=1, mask_iou=0.5)), '')


def test_pooled_numbers_count_labels_and_not_samples():
    pooled = Pooled(hits=np.array([1, 3, 0, 0]), count=np.array([1, 9, 0, 0]))
    tables = grouped({'pckh': np.array([100.0, 100 / 3, np.nan, np.nan]), 'pckh/14': pooled}, CLIPS, None)
    assert tables['all']['pckh/14'] == 40 and tables['all']['pckh'] > 66
    assert summarise({'pckh/14': pooled}, np.array([False, False, True, True])) == {}
    head, row = (line.strip('|').split('|') for line in printed(tables, '').splitlines()[2:5:2])
    assert dict(zip(map(str.strip, head), map(str.strip, row)))['PCKh@0.5 of 14'] == '40.0'


def test_the_mean_of_classes():
    errors = dict(MPJPE=np.array([10.0, 20.0, 60.0, np.nan]), curve=np.array([[1.0, 0], [3, 0], [8, 6], [9, 9]]))
    table = summarise(errors, np.array([True, True, True, False]), ['walk', 'walk', 'sit', 'sit'])
    assert table == {'MPJPE': (15 + 60) / 2, 'curve': [(2 + 8) / 2, 3.0]}
    assert grouped(errors, CLIPS, None, ['walk', 'walk', 'sit', 'sit'])['all']['MPJPE'] == 37.5
    assert summarise(errors, np.ones(4, bool))['MPJPE'] == 30


def test_a_table_a_value():
    tables = tables_by(ERRORS, ['b', 'a', 'a', 'b'])
    assert list(tables) == ['a', 'b'] and tables['a']['num_samples'] == 2
    assert tables['a']['top1']['MPJPE'] == 40 and tables['b']['top1']['MPJPE'] == 10


def test_values_find_their_places():
    out = spread(np.array([[1.0, 2], [3, 4]]), [2, 0], 3)
    np.testing.assert_array_equal(out, [[3, 4], [np.nan, np.nan], [1, 2]])


def test_what_groups_samples():
    camera = dict(K=np.eye(3))
    assert sample_key(dict(clip='walk', camera=camera, camera_name=3), 'action') == 'walk'
    assert sample_key(dict(clip='walk', action='Walking'), 'action') == 'Walking'
    assert sample_key(dict(camera=camera, camera_name=3), 'camera') == '3' and sample_key({}, 'camera') == ''
    assert background_of(dict(background='x')) == 'x' and background_of({}) == 'kept'
    assert backgrounds([dict(background='b'), dict(background='a'), dict(background='b')]) == ['a', 'b']
