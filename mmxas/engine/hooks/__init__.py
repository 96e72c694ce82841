"""What happens between iterations: checkpoints that are always whole, and which parameters may move."""
from .atomic_checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .update_gate_hook import UpdateGateHook

__all__ = ['AtomicCheckpointHook', 'AtomicLocalBackend', 'UpdateGateHook']
