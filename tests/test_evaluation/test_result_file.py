import json

import pytest

from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.protocol import load_protocol
from mmxas.evaluation.result_file import FORMAT, read_result, result_header, write_result

CONTEXT = EvaluationContext(None, dict(file='a.pth', sha256='ab'), dict(type='Frames', mode='test', count=3))


def test_the_header_says_what_it_is_a_result_of():
    header = result_header('XASPoseMetric', load_protocol(dict(name='released', average='samples')), True, CONTEXT)
    assert header['protocol']['name'] == 'released' and header['protocol']['switches']['average'] == 'samples'
    assert 'name' not in header['protocol']['switches']
    assert 'crop from the true root' in header['protocol']['ground_truth']
    assert header['checkpoint']['sha256'] == 'ab' and header['dataset']['count'] == 3


def test_written_and_read_again(tmp_path):
    path = tmp_path / 'new' / 'result.json'
    write_result(path, {'format': FORMAT, 'unit': 'mm'})
    assert read_result(path) == {'format': FORMAT, 'unit': 'mm'}
    assert [p.name for p in path.parent.iterdir()] == ['result.json']
    with pytest.raises(ValueError):
        write_result(path, {'format': FORMAT, 'MPJPE': float('nan')})
    assert read_result(path)['unit'] == 'mm'


def test_other_files_are_refused(tmp_path):
    path = tmp_path / 'result.json'
    with pytest.raises(FileNotFoundError, match='no such result file'):
        read_result(path)
    path.write_text('{')
    with pytest.raises(ValueError, match='result.json: not json'):
        read_result(path)
    for content, found in (({'xas/top1/MPJPE': 3.0}, 'found None'), ([], 'found list')):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=found):
            read_result(path)
