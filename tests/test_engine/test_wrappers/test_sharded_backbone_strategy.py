"""What the strategy sets; tests/robust trains, dies and resumes with it."""
from mmengine.registry import STRATEGIES
from torch.distributed.fsdp import StateDictType

from mmxas.engine import ShardedBackboneStrategy


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
