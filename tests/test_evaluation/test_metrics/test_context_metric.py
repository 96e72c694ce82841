"""Each sample counts once, in one process and in two."""
import torch
from mmengine.dataset import DefaultSampler

from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.metrics.context_metric import ContextMetric
from mmxas.evaluation.protocol import load_protocol
from mmxas.evaluation.result_file import read_result


class Seen(ContextMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(count=len(results), seen=results)


def count_in_a_process(rank, store, queue):
    """The body of one of two processes."""
    torch.distributed.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    out = []
    for round_up in (True, False):
        metric = Seen()
        for i in DefaultSampler(range(7), shuffle=False, round_up=round_up):
            metric.process(None, [i])
        out.append(metric.evaluate(7))
    lossy = Seen()
    lossy.process(None, [rank])
    try:
        lossy.evaluate(7)
    except ValueError as error:
        out.append(str(error))
    queue.put(out)
    torch.distributed.destroy_process_group()


class Mean(ContextMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        self.write(load_protocol('standard'), False, dict(unit='mm', value=sum(results) / len(results)))
        return dict(mean=sum(results) / len(results))


def test_one_process(tmp_path):
    metric = Mean(out_file=str(tmp_path / 'result.json'), prefix='val')
    metric.set_context(EvaluationContext(dataset=dict(count=3)))
    metric.process(None, [1.0, 2.0, 6.0])
    assert metric.evaluate(3) == {'val/mean': 3}
    result = read_result(tmp_path / 'result.json')
    assert (result['metric'], result['dataset'], result['value']) == ('Mean', dict(count=3), 3)
    assert result['checkpoint'] == dict(file=None, sha256=None)


def test_two_processes_count_an_odd_number_of_samples_once(tmp_path):
    """Whether the sampler begins anew to fill up the last round or not; both processes hear the same."""
    context = torch.multiprocessing.get_context('fork')
    queue = context.Queue()
    processes = [context.Process(target=count_in_a_process, args=(rank, tmp_path / 'store', queue)) for rank in (0, 1)]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    everything = {'xas/count': 7, 'xas/seen': list(range(7))}
    for answer in answers:
        assert answer[:2] == [everything, everything]
        assert '2 records of 7 samples' in answer[2] and 'DefaultSampler' in answer[2]
