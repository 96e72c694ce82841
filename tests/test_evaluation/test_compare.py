import copy

import pytest

from mmxas.evaluation.compare import compare, differences
from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.protocol import load_protocol
from mmxas.evaluation.result_file import result_header


def result(error, protocol='standard', sha='ab' * 32, root='data', **content):
    context = EvaluationContext(None, dict(file='a.pth', sha256=sha), dict(type='Frames', count=2, data_root=root))
    table = dict(num_samples=2, top1={'MPJPE': error}, mask_iou=0.5)
    return result_header('XASPoseMetric', load_protocol(protocol), False, context) | dict(
        unit='mm', frame='camera', num_hypotheses=3, groups=dict(all=table),
        tables=dict(action=dict(walk=table))) | content


def cells(text, row):
    line = next(line for line in text.splitlines() if f'| {row} ' in line)
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_two_runs_side_by_side_with_their_difference():
    text = compare([result(92.61), result(76.9, sha='cd' * 32, num_hypotheses=1, root='/elsewhere')], ['a', 'b'])
    assert 'XASPoseMetric, standard, mm' in text
    assert cells(text, 'all/top1/MPJPE') == ['all/top1/MPJPE', '92.6', '76.9', '-15.7']
    assert cells(text, 'checkpoint')[1:3] == ['ab' * 6, 'cd' * 6] and cells(text, 'hypotheses')[1:3] == ['3', '1']
    assert cells(text, 'all/mask_iou')[1:] == ['0.5', '0.5', '+0']


def test_three_runs_and_a_number_that_one_lacks():
    bare = result(1.0)
    del bare['groups']['all']['mask_iou']
    text = compare([result(80.0), result(70.0), bare], ['a', 'b', 'c'])
    assert cells(text, 'all/mask_iou')[1:] == ['0.5', '0.5', ''] and 'difference' not in text


def test_another_background_is_refused():
    removed = ['removed by masks of the data set']
    assert differences([result(90.0, background=removed), result(80.0, background=removed)]) == {}
    with pytest.raises(ValueError, match=r"background: \['removed by masks of the data set'\] \| \['kept'\]"):
        compare([result(90.0, background=removed), result(80.0, background=['kept'])], ['a', 'b'])


def test_another_protocol_is_refused_with_the_fields():
    results = [result(92.6), result(60.0, dict(left_right_switch=True))]
    assert differences(results)['protocol.switches.left_right_switch'] == [False, True]
    assert set(differences(results)) == {'protocol.switches.left_right_switch', 'protocol.ground_truth'}
    with pytest.raises(ValueError, match=r'protocol.switches.left_right_switch: False \| True'):
        compare(results, ['a', 'b'])
    text = compare(results, ['a', 'b'], force=True)
    assert text.startswith('measured differently:') and cells(text, 'all/top1/MPJPE')[3] == '-32.6'


def test_other_data_are_refused():
    other = copy.deepcopy(result(60.0))
    other['dataset']['count'] = 3
    with pytest.raises(ValueError, match=r'dataset.count: 2 \| 3'):
        compare([result(60.0), other], ['a', 'b'])
    assert differences([result(1.0, root='x'), result(2.0, root='y', sha='ef')]) == {}


def test_tables_by_a_key():
    text = compare([result(92.6), result(76.9)], ['a', 'b'], by='action')
    assert cells(text, 'walk/top1/MPJPE')[1:] == ['92.6', '76.9', '-15.7']
    with pytest.raises(ValueError, match=r"a: no tables by camera; it has \['action'\]"):
        compare([result(92.6), result(76.9)], ['a', 'b'], by='camera')
    with pytest.raises(ValueError, match='two results or more'):
        compare([result(92.6)], ['a'])
