"""One process shards nothing, and trains as without; tests/robust compares two."""
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS, STRATEGIES, DefaultScope
from test_models.conftest import estimator_config
from torch.distributed import HashStore
from torch.distributed.fsdp import FullyShardedDataParallel, StateDictType

from mmxas.engine import ShardedBackboneStrategy
from mmxas.registry import MODELS


@pytest.fixture
def group():
    """A group of one process."""
    torch.distributed.init_process_group('gloo', store=HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def estimator(**changes):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(estimator_config(**changes))


def wrapped(**changes):
    return MODEL_WRAPPERS.build(dict(type='ShardedBackboneDataParallel', module=estimator(**changes), device_id=0))


@pytest.mark.filterwarnings('ignore:FSDP will not all-gather')
def test_the_backbone_alone_is_sharded_and_its_names_stay(group):
    plain, model = estimator(), wrapped()
    assert isinstance(model.module.backbone, FullyShardedDataParallel)
    assert not any(isinstance(part, FullyShardedDataParallel) for part in model.module.head.modules())
    before = plain.state_dict()
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    changed = {name: value + 1 for name, value in before.items()}
    model.load_state_dict(changed)
    assert torch.equal(model.state_dict()['backbone.layer.weight'], before['backbone.layer.weight'] + 1)


def test_a_channels_last_backbone_is_refused(group):
    """FSDP would load its optimizer's state in another order, without an error."""
    with pytest.raises(ValueError, match='backbone.layer.weight lies in channels-last memory'):
        wrapped(channels_last=True)


def test_clipping_by_a_part_of_the_norm_is_refused(group):
    model = wrapped()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match='optim_wrapper.clip_grad: each process has the norm of its own shards'):
        model.train_step({}, OptimWrapper(optimizer, clip_grad=dict(max_norm=1)))


def test_float16_whose_overflow_each_process_sees_alone_is_refused(group):
    model = wrapped()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    wrapper.scaler = torch.amp.GradScaler('cpu')
    with pytest.raises(ValueError, match="dtype='float16': each process would skip .* use 'bfloat16'"):
        model.train_step({}, wrapper)


def test_defaults_and_changes(tmp_path):
    strategy = STRATEGIES.build(dict(type='ShardedBackboneStrategy', work_dir=str(tmp_path)))
    assert isinstance(strategy, ShardedBackboneStrategy)
    assert strategy.model_wrapper == dict(type='ShardedBackboneDataParallel')
    assert strategy.state_dict_type is StateDictType.FULL_STATE_DICT
    sharding = dict(sharding_strategy='SHARD_GRAD_OP')
    other = ShardedBackboneStrategy(model_wrapper=dict(sharding=sharding), state_dict_cfg='local',
                                    work_dir=str(tmp_path))
    assert other.model_wrapper == dict(type='ShardedBackboneDataParallel', sharding=sharding)
    assert other.state_dict_type is StateDictType.LOCAL_STATE_DICT
