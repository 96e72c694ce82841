"""What is dumped comes back, and gives the same losses."""
import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmxas.engine.batch_dump import dump_batch, from_plain, read_batch, replay, replay_device, to_plain


def test_data_elements_become_plain_and_return():
    sample = PoseDataSample(metainfo=dict(domain='target', scale=np.float32(2), names=('a', 'b'), place=object))
    sample.gt_instances = InstanceData(boxes=np.ones((1, 4)), scores=torch.zeros(1))
    plain = to_plain({'inputs': [torch.ones(2)], 'data_samples': [sample]})
    back = from_plain(plain)['data_samples'][0]
    assert isinstance(back, PoseDataSample) and isinstance(back.gt_instances, InstanceData)
    assert back.metainfo['domain'] == 'target' and back.metainfo['names'] == ['a', 'b']
    assert 'object' in back.metainfo['place']
    assert back.gt_instances.boxes.shape == (1, 4)


def test_the_loop_dumps_and_the_replay_gives_the_same_losses(make_runner, tmp_path):
    runner = make_runner()

    def spoil(runner, batch_idx, data_batch=None):
        if runner.iter == 4:
            runner.model.criteria['mask'].weight = math.nan
            for sample in data_batch['data_samples']:
                if sample.metainfo['domain'] == 'synthetic':
                    sample.gt_instance_labels.keypoint_norm[0, 3] = math.inf

    runner.record.before_train_iter = spoil
    runner.record.after_train_iter = lambda *_, **__: None
    with pytest.raises(FloatingPointError, match=r'; dumped: .*iter_4_rank_0\.pth'):
        runner.train()
    dump = read_batch(tmp_path / 'non_finite' / 'iter_4_rank_0.pth')
    assert dump['iteration'] == 4 and dump['loss_weights'] == dict(render=0.5, mask=1.0, adversarial=1.0)
    twice = [replay(make_runner().model, dump) for _ in range(2)]
    assert twice[0].keys() == twice[1].keys()
    assert not math.isfinite(twice[0]['loss_render'])
    for name, value in twice[0].items():
        assert value == twice[1][name] or math.isnan(value)
    for name in [name for name, value in twice[0].items() if not math.isfinite(value)]:
        assert f'{name} = ' in dump['error']


def test_another_file_is_named(tmp_path):
    torch.save({}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='a.pth: a batch dumped by a training expected'):
        read_batch(tmp_path / 'a.pth')
    dump_batch(tmp_path / 'b.pth', torch.nn.Linear(1, 1), {'inputs': []}, {'seed': 1})
    assert read_batch(tmp_path / 'b.pth')['seed'] == 1


def test_a_fault_of_float16_on_a_gpu_shows_on_a_cpu(make_runner, tmp_path):
    """Features of 1e5 are finite in float32, and were not in float16."""
    runner = make_runner()
    runner.model.backbone.layer.weight.data.mul_(1e5)
    batch = next(iter(runner.train_dataloader))
    facts = dict(seed=0, iteration=0, error='', loss_weights=dict(render=1.0), device='cuda')
    lost = {}
    for dtype in (None, 'float16'):
        dump_batch(tmp_path / 'a.pth', runner.model, batch, dict(facts, autocast=dtype and ['cuda', dtype]))
        dump = read_batch(tmp_path / 'a.pth')
        assert replay_device(dump) == ('cuda' if torch.cuda.is_available() else 'cpu')
        lost[dtype] = [name for name, value in replay(make_runner().model, dump).items() if not math.isfinite(value)]
    assert lost == {None: [], 'float16': ['loss_render']}
