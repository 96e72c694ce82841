"""Training: stages and their loop, learning rates, precision, checkpoints, and distributed processes."""
from .hooks import AtomicCheckpointHook, UpdateGateHook
from .loops import StagedTrainLoop
from .optim import AutocastOptimWrapper, StagedLR
from .stages import Stage, parse_stages, stage_at
from .wrappers import ShardedBackboneDataParallel, ShardedBackboneStrategy

__all__ = [
    'AtomicCheckpointHook', 'AutocastOptimWrapper', 'ShardedBackboneDataParallel', 'ShardedBackboneStrategy', 'Stage',
    'StagedLR', 'StagedTrainLoop', 'UpdateGateHook', 'parse_stages', 'stage_at'
]
