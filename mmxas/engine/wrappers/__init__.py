"""How a model is spread over processes."""
from .sharded_backbone import ShardedBackboneDataParallel
from .sharded_backbone_strategy import ShardedBackboneStrategy

__all__ = ['ShardedBackboneDataParallel', 'ShardedBackboneStrategy']
