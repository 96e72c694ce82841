"""Table of the inputs of each kind of loss, by the loss's attribute ``reads``."""
from typing import NamedTuple

from torch import nn

from mmxas.ops.checks import check_choice


class Route(NamedTuple):
    """Inputs of a kind of loss.

    Attributes:
        domains: Required samples: ``'synthetic'``, ``'target'`` or both.
        inputs: Arguments of ``forward``, in this order; empty if the loss is not called by ``forward``.
    """

    domains: tuple[str, ...]
    inputs: tuple[str, ...]


# In the order of computation. `hypotheses` are the predicted poses of target or synthetic samples.
ROUTES = {
    'features': Route(('synthetic', ), ('features', 'labels', 'weights')),
    'labels': Route(('synthetic', ), ('hypotheses', 'marginals', 'labels', 'weights')),
    'pose': Route(('target', ), ('hypotheses', )),
    'target_labels': Route(('target', ), ('hypotheses', 'labels', 'weights')),
    'mask': Route(('target', ), ('drawn', 'body', 'masks')),
    'adversarial': Route(('synthetic', 'target'), ()),  # calls loss.generator and loss.discriminator on scores
}


def check_reads(name: str, loss: nn.Module) -> None:
    """Raise if a loss has no valid ``reads``; it would never be called.

    Args:
        name: Place of the loss in the config, such as ``'model.losses.upright'``.
        loss: The loss.

    Raises:
        ValueError: ``reads`` is missing or not a key of :data:`ROUTES`; the message lists the keys.
    """
    kind = type(loss).__name__
    if not hasattr(loss, 'reads'):
        raise ValueError(f'{name} is a {kind}, which does not say what it reads: give the class a `reads`, one of '
                         f'{", ".join(map(repr, ROUTES))}')
    check_choice(loss.reads, tuple(ROUTES), f'{name}: {kind}.reads')
