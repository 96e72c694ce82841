from .update_gate_hook import UpdateGateHook

__all__ = ['UpdateGateHook']
