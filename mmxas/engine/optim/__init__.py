"""Learning rates per stage, and autocast on GPU and CPU."""
from .autocast_optim_wrapper import AutocastOptimWrapper, cpu_has_bf16
from .staged_lr import StagedLR

__all__ = ['AutocastOptimWrapper', 'StagedLR', 'cpu_has_bf16']
