"""Hooks: atomic checkpoints, preemption, parameter updates by turns, context for metrics, freed memory, and checks of
masks and crops."""
from .atomic_checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .empty_crops_hook import EmptyCropsHook
from .evaluation_context_hook import EvaluationContextHook
from .keep_memory_hook import KeepMemoryHook
from .mask_coverage_hook import MaskCoverageHook
from .preemption_hook import PreemptionHook
from .update_gate_hook import UpdateGateHook

__all__ = ['AtomicCheckpointHook', 'AtomicLocalBackend', 'EmptyCropsHook', 'EvaluationContextHook', 'KeepMemoryHook',
           'MaskCoverageHook', 'PreemptionHook', 'UpdateGateHook']
