import pytest

from mmxas.evaluation.metrics import LabelFreeMetric
from mmxas.evaluation.result_file import read_result


class Given(LabelFreeMetric):
    quantity, unit, needs = 'given', '%', 'a value'

    def values(self, data_batch, data_samples):
        return [sample.get('value') for sample in data_samples]


def test_the_mean_and_its_tables(tmp_path):
    metric = Given('h36m18', out_file=str(tmp_path / 'given.json'))
    metric.process(None, [dict(value=1.0, clip='walk', camera_name='a'), dict(value=4.0, clip='sit', camera_name='a'),
                          dict(clip='sit', camera_name='b'), dict(value=float('nan'), clip='sit')])
    assert metric.evaluate(4) == {'xas/given': 2.5}
    result = read_result(tmp_path / 'given.json')
    assert (result['unit'], result['num_samples'], result['num_counted']) == ('%', 4, 2)
    assert result['protocol']['ground_truth'] == ['no ground truth used']
    assert result['tables']['action'] == dict(
        sit=dict(num_samples=3, given=4.0), walk=dict(num_samples=1, given=1.0))
    assert result['tables']['camera']['a']['given'] == 2.5 and 'given' not in result['tables']['camera']['b']


def test_crops_around_the_true_root_are_a_use_of_the_ground_truth(tmp_path):
    metric = Given('h36m18', out_file=str(tmp_path / 'given.json'))
    metric.process(None, [dict(value=1.0, box_source='root')])
    metric.evaluate(1)
    assert read_result(tmp_path / 'given.json')['protocol']['ground_truth'] == ['crop from the true root']


def test_no_value_at_all():
    metric = Given('h36m18')
    metric.process(None, [{}])
    with pytest.raises(ValueError, match='none of 1 samples has a value'):
        metric.evaluate(1)
