"""Optimizer steps that gather the gradients of several iterations (``accumulative_counts``)."""
from mmengine.optim import BaseOptimWrapper
from torch import nn


def is_between_steps(wrapper: BaseOptimWrapper) -> bool:
    """Whether no gradient waits for a step: what is saved now is all that there is."""
    return getattr(wrapper, 'should_update', lambda: True)()


def begin_epoch(wrapper: BaseOptimWrapper, model: nn.Module, done: int, length: int) -> None:
    """Count an epoch's iterations by themselves, so that its last one steps with what it has.

    Args:
        wrapper: Of the optimizer.
        model: What is trained.
        done: Iterations of the epoch before those that follow.
        length: Iterations of the epoch.
    """
    if _counts(wrapper) > 1:
        wrapper.initialize_count_status(model, done, length)


def step_of(wrapper: BaseOptimWrapper, iteration: int, length: int) -> int:
    """Number (from 0) of the step that an iteration, counted over all epochs of ``length``, is part of."""
    epoch, inside = divmod(iteration, length)
    return epoch * -(-length // _counts(wrapper)) + inside // _counts(wrapper)


def _counts(wrapper: BaseOptimWrapper) -> int:
    return getattr(wrapper, '_accumulative_counts', 1)
