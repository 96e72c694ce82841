"""What happens between iterations: checkpoints that are always whole, which parameters may move, and what
metrics evaluate."""
from .atomic_checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .evaluation_context_hook import EvaluationContextHook
from .preemption_hook import PreemptionHook
from .update_gate_hook import UpdateGateHook

__all__ = ['AtomicCheckpointHook', 'AtomicLocalBackend', 'EvaluationContextHook', 'PreemptionHook', 'UpdateGateHook']
