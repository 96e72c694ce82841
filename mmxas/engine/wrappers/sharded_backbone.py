"""A backbone that is too large for one device, in shards; everything else whole in each process."""
from collections.abc import Mapping
from typing import Any

import torch
from mmengine._strategy import FSDPStrategy
from mmengine.dist import broadcast
from mmengine.model import MMDistributedDataParallel, MMFullyShardedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS, STRATEGIES
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.distributed.fsdp import FullyShardedDataParallel, StateDictType
from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler


@MODEL_WRAPPERS.register_module()
class ShardedBackboneDataParallel(MMDistributedDataParallel):
    """FSDP of the backbone inside DDP of the detector, for :class:`ShardedBackboneStrategy`.

    FSDP replaces the parameters that it shards by views while a model runs. The generator's term asks the
    discriminator for its parameters at that time, to detach them: sharded, it would find none, and the term's gradient
    would reach the discriminator. So heads and discriminators, which are small, are left whole.

    Args:
        module: The detector, with a ``backbone``.
        device_id: Number of the CUDA device, which the strategy gives; not used without CUDA. Defaults to None.
        sharding: ``MMFullyShardedDataParallel``'s arguments for the backbone. Defaults to None: FSDP's own.
        kwargs: ``MMDistributedDataParallel``'s.

    Raises:
        ValueError: A backbone in channels-last memory, whose optimizer state FSDP would load in another order; or
            ``train_step`` with ``clip_grad`` or a scaler of float16: each process knows its own shards only.
    """

    def __init__(self, module: nn.Module, device_id: int | None = None, sharding: Mapping[str, Any] | None = None,
                 **kwargs) -> None:
        device = torch.device('cuda', device_id) if torch.cuda.is_available() else torch.device('cpu')
        permuted = [name for name, p in module.backbone.named_parameters() if not p.is_contiguous()]
        if permuted:
            raise ValueError(f'backbone.{permuted[0]} lies in channels-last memory, which FSDP would read in another '
                             'order: set channels_last=False where the backbone is sharded')
        module.to(device)
        for tensor in [*module.backbone.parameters(), *module.backbone.buffers()]:
            broadcast(tensor.data)  # FSDP does this on GPUs only
        module.backbone = MMFullyShardedDataParallel(module.backbone, device_id=device, **(sharding or {}))
        of_backbone = [f'backbone.{name}' for name, _ in module.backbone.named_parameters()]
        self._set_params_and_buffers_to_ignore_for_model(module, of_backbone)
        super().__init__(module, **{'broadcast_buffers': False, **kwargs})

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As in ``MMDistributedDataParallel``."""
        if optim_wrapper.clip_grad_kwargs:
            raise ValueError('optim_wrapper.clip_grad: each process knows the norm of its own shards only, and would '
                             'clip by another factor; leave it out where the backbone is sharded')
        scaler = getattr(optim_wrapper, 'scaler', None)
        if isinstance(scaler, GradScaler) and scaler.is_enabled() and not isinstance(scaler, ShardedGradScaler):
            raise ValueError("optim_wrapper.dtype='float16': each process would skip the steps in which its own shards "
                             "overflow, and they would drift apart; take 'bfloat16' where the backbone is sharded")
        return super().train_step(data, optim_wrapper)

    def state_dict(self, *args, **kwargs) -> dict[str, Any]:
        """The detector's, without a prefix."""
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(self, *args, **kwargs) -> Any:
        """Load the detector's."""
        return self.module.load_state_dict(*args, **kwargs)

    @staticmethod
    def set_state_dict_type(model: nn.Module, kind: StateDictType, states: Any, optimizer_states: Any) -> Any:
        """FSDP's, without the copies to the CPU where the model is there: torch frees what is behind them."""
        if not torch.cuda.is_available():
            states.offload_to_cpu = optimizer_states.offload_to_cpu = False
        return MMFullyShardedDataParallel.set_state_dict_type(model, kind, states, optimizer_states)


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
