"""Training with a sharded backbone, by mmengine's ``FlexibleRunner``."""
from collections.abc import Mapping
from typing import Any

from mmengine._strategy import FSDPStrategy
from mmengine.registry import STRATEGIES
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel


@STRATEGIES.register_module()
class ShardedBackboneStrategy(FSDPStrategy):
    """mmengine's ``FSDPStrategy`` with :class:`ShardedBackboneDataParallel`, on GPUs and on CPUs; ``sync_bn`` acts.

    Args:
        model_wrapper: Arguments of the wrapper. Defaults to None: none.
        state_dict_cfg: As in ``FSDPStrategy``. Defaults to ``'full'``: checkpoints that a single process reads.
        kwargs: ``FSDPStrategy``'s.
    """

    def __init__(self, *, model_wrapper: Mapping[str, Any] | None = None, state_dict_cfg: str | dict = 'full',
                 **kwargs) -> None:
        super().__init__(model_wrapper={'type': 'ShardedBackboneDataParallel', **(model_wrapper or {})},
                         state_dict_cfg=state_dict_cfg, **kwargs)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        """Convert batch norms first, which mmengine's leaves out."""
        return super()._wrap_model(self.convert_model(model))

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the optimizer's state; mmengine 0.10 gives the arguments in the order of torch 2.0."""
        self.optim_wrapper.load_state_dict(FullyShardedDataParallel.optim_state_dict_to_load(
            self.model, self.optim_wrapper.optimizer, state_dict))
