"""How a detector is trained: stages, the loop through them, learning rates, precision, checkpoints, processes."""
from .hooks import AtomicCheckpointHook, UpdateGateHook
from .loops import StagedTrainLoop
from .optim import AutocastOptimWrapper, StagedLR
from .stages import Stage, parse_stages, stage_at
from .wrappers import ShardedBackboneDataParallel, ShardedBackboneStrategy

__all__ = [
    'AtomicCheckpointHook', 'AutocastOptimWrapper', 'ShardedBackboneDataParallel', 'ShardedBackboneStrategy', 'Stage',
    'StagedLR', 'StagedTrainLoop', 'UpdateGateHook', 'parse_stages', 'stage_at'
]
