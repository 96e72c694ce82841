"""Learning rate of a staged run."""
from collections.abc import Mapping, Sequence

from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from torch.optim import Optimizer

from mmxas.engine.stages import Stage, parse_stages, stage_at
from mmxas.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class StagedLR(_ParamScheduler):
    """Set each parameter group's learning rate from the stage of the iteration.

    A group's own factor (``paramwise_cfg``'s ``lr_mult``, automatic scaling) is kept: the stage's rate is multiplied by
    the ratio of the group's initial rate to the optimizer's default rate.

    Args:
        optimizer: The optimizer or its wrapper.
        stages: The stages, as in ``train_cfg``.
        iters_per_epoch: Iterations per epoch.
        end: Ignored; passed by mmengine's runner.
        last_step: The last iteration done. Defaults to -1: none.
        verbose: Log each rate. Defaults to False.
        epoch_length: Ignored; passed by mmengine's ``FlexibleRunner``.
    """

    def __init__(self, optimizer: Optimizer | OptimWrapper, stages: Sequence[Mapping | Stage], iters_per_epoch: int,
                 end: int | None = None, last_step: int = -1, verbose: bool = False,
                 epoch_length: int | None = None) -> None:
        self.stages, self.iters_per_epoch = parse_stages(stages), iters_per_epoch
        torch_optimizer = getattr(optimizer, 'optimizer', optimizer)
        self.default_lr = torch_optimizer.defaults['lr']
        super().__init__(optimizer, 'lr', last_step=last_step, by_epoch=False, verbose=verbose)

    def state_dict(self) -> dict:
        """Return the position only; the stages come from the config, so that a resumed run can change them."""
        return dict(last_step=self.last_step, _global_step=self._global_step)

    def _get_value(self) -> list[float]:
        last = sum(s.epochs for s in self.stages) * self.iters_per_epoch - 1
        iteration = min(max(self.last_step, 0), last)
        begin, stage = stage_at(self.stages, iteration // self.iters_per_epoch)
        lr = stage.lr_at(iteration - begin * self.iters_per_epoch, self.iters_per_epoch)
        return [base / self.default_lr * lr for base in self.base_values]
