"""Select the parameters that an optimizer step may change."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmxas.engine.optim.autocast_optim_wrapper import step_of
from mmxas.registry import HOOKS


@HOOKS.register_module()
class UpdateGateHook(Hook):
    """Remove the gradients of idle modules before the optimizer steps.

    Every parameter stays in the graph of every step, as DDP requires, so an idle module has zero gradients. Adam would
    count such steps, and its bias correction would have decayed when the module's stage starts: the first steps would
    be too long by a factor of 1/sqrt(1 - beta2). Without a gradient, Adam changes neither parameter nor state.

    Args:
        alternate: Numbers of steps in turn, ``dict(discriminator=1, detector=1)``: in the discriminator's steps
            everything else is idle, and vice versa; a stage without the discriminator takes no turns. Defaults to
            None: all parameters are updated in each step.

    Raises:
        ValueError: A key that is not one of the two, or a count below 1.
    """

    def __init__(self, alternate: dict | None = None) -> None:
        if alternate is not None and (set(alternate) != {'discriminator', 'detector'} or min(alternate.values()) < 1):
            raise ValueError(f'alternate={alternate}: dict(discriminator=n, detector=m) with n, m >= 1 is expected')
        self.alternate = alternate
        self._handle = None

    def before_train(self, runner: Runner) -> None:
        """Attach to the optimizer."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        optimizer = runner.optim_wrapper.optimizer

        wrapper = runner.optim_wrapper

        def gate(*_args, **_kwargs) -> None:
            idle = set(model.idle_modules())
            step = step_of(wrapper, runner.iter, len(runner.train_dataloader))
            turn = None if 'discriminator' in idle else self.turn(step)
            if turn == 'detector':
                idle.add('discriminator')
            for name, module in model.named_children():
                if name in idle or (turn == 'discriminator' and name != 'discriminator'):
                    for parameter in module.parameters():
                        parameter.grad = None

        self._handle = optimizer.register_step_pre_hook(gate)
        clip = getattr(wrapper, '_clip_grad', None)
        if clip is not None:  # clip by the norm of the updated parameters only

            def clip_what_moves() -> None:
                gate()
                clip()

            wrapper._clip_grad = clip_what_moves

    def after_train(self, runner: Runner) -> None:
        """Detach from the optimizer."""
        if self._handle is not None:
            self._handle.remove()
            runner.optim_wrapper.__dict__.pop('_clip_grad', None)

    def turn(self, step: int) -> str | None:
        """Return which side a step updates: ``'discriminator'``, ``'detector'``, or None for both."""
        if self.alternate is None:
            return None
        first = self.alternate['discriminator']
        return 'discriminator' if step % (first + self.alternate['detector']) < first else 'detector'
