"""Shard the backbone over processes if it is too large for one device; everything else is replicated."""
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

    FSDP replaces sharded parameters by views while a model runs. The generator's loss detaches the discriminator's
    parameters at that time; of a sharded discriminator it would find none, and its gradient would reach the
    discriminator. Therefore heads and discriminators, which are small, are not sharded.

    Args:
        module: The detector, with a ``backbone``.
        device_id: Number of the CUDA device, given by the strategy; not used without CUDA. Defaults to None.
        sharding: Arguments of ``MMFullyShardedDataParallel`` for the backbone. Defaults to None: FSDP's defaults.
        **kwargs: Arguments of ``MMDistributedDataParallel``.

    Raises:
        ValueError: The backbone is in channels-last memory, whose optimizer state FSDP would load in another order; or
            ``train_step`` is called with ``clip_grad`` or a float16 scaler, since each process has its own shards
            only.
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
            raise ValueError('optim_wrapper.clip_grad: each process has the norm of its own shards only, and would '
                             'clip by another factor; leave it out if the backbone is sharded')
        scaler = getattr(optim_wrapper, 'scaler', None)
        if isinstance(scaler, GradScaler) and scaler.is_enabled() and not isinstance(scaler, ShardedGradScaler):
            raise ValueError("optim_wrapper.dtype='float16': each process would skip the steps in which its own shards "
                             "overflow, and they would diverge; use 'bfloat16' if the backbone is sharded")
        return super().train_step(data, optim_wrapper)

    def state_dict(self, *args, **kwargs) -> dict[str, Any]:
        """Return the detector's state dict, without a prefix."""
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(self, *args, **kwargs) -> Any:
        """Load the detector's state dict."""
        return self.module.load_state_dict(*args, **kwargs)

    @staticmethod
    def set_state_dict_type(model: nn.Module, kind: StateDictType, states: Any, optimizer_states: Any) -> Any:
        """Call FSDP's method, without CPU offload if the model is on the CPU: torch would free the tensors."""
        if not torch.cuda.is_available():
            states.offload_to_cpu = optimizer_states.offload_to_cpu = False
        return MMFullyShardedDataParallel.set_state_dict_type(model, kind, states, optimizer_states)


@STRATEGIES.register_module()
class ShardedBackboneStrategy(FSDPStrategy):
    """mmengine's ``FSDPStrategy`` with :class:`ShardedBackboneDataParallel`, on GPUs and CPUs; supports ``sync_bn``.

    Args:
        model_wrapper: Arguments of the wrapper. Defaults to None.
        state_dict_cfg: As in ``FSDPStrategy``. Defaults to ``'full'``: checkpoints that a single process can read.
        **kwargs: Arguments of ``FSDPStrategy``.
    """

    def __init__(self, *, model_wrapper: Mapping[str, Any] | None = None, state_dict_cfg: str | dict = 'full',
                 **kwargs) -> None:
        super().__init__(model_wrapper={'type': 'ShardedBackboneDataParallel', **(model_wrapper or {})},
                         state_dict_cfg=state_dict_cfg, **kwargs)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        """Convert batch norms, which mmengine's strategy omits, and wrap."""
        return super()._wrap_model(self.convert_model(model))

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the optimizer's state; mmengine 0.10 gives the arguments in the order of torch 2.0."""
        self.optim_wrapper.load_state_dict(FullyShardedDataParallel.optim_state_dict_to_load(
            self.model, self.optim_wrapper.optimizer, state_dict))
