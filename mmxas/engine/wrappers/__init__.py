"""Distributed model wrappers."""
from .sharded_backbone import ShardedBackboneDataParallel, ShardedBackboneStrategy

__all__ = ['ShardedBackboneDataParallel', 'ShardedBackboneStrategy']
