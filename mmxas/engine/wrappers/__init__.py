"""How a model is spread over processes."""
from .sharded_backbone import ShardedBackboneDataParallel, ShardedBackboneStrategy

__all__ = ['ShardedBackboneDataParallel', 'ShardedBackboneStrategy']
