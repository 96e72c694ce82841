"""How a detector is trained: stages, the loop through them, learning rates, precision, checkpoints."""
from .hooks import AtomicCheckpointHook, UpdateGateHook
from .loops import StagedTrainLoop
from .optim import AutocastOptimWrapper, StagedLR
from .stages import Stage, parse_stages, stage_at

__all__ = [
    'AtomicCheckpointHook', 'AutocastOptimWrapper', 'Stage', 'StagedLR', 'StagedTrainLoop', 'UpdateGateHook',
    'parse_stages', 'stage_at'
]
