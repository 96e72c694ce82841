"""What each kind of loss is given: the one table by which a loss's ``reads`` finds its inputs."""
from typing import NamedTuple

from torch import nn

from mmxas.ops.checks import check_choice


class Route(NamedTuple):
    """Where the inputs of a loss come from.

    Attributes:
        domains: The samples that it needs: ``'synthetic'``, ``'target'`` or both.
        inputs: What its ``forward`` is given, in this order; empty for a loss that is called in another way.
    """

    domains: tuple[str, ...]
    inputs: tuple[str, ...]


# In the order in which the terms are computed. A pose of the target or of a synthetic sample is `hypotheses`.
ROUTES = {
    'features': Route(('synthetic', ), ('features', 'labels', 'weights')),
    'labels': Route(('synthetic', ), ('hypotheses', 'marginals', 'labels', 'weights')),
    'pose': Route(('target', ), ('hypotheses', )),
    'target_labels': Route(('target', ), ('hypotheses', 'labels', 'weights')),
    'mask': Route(('target', ), ('drawn', 'body', 'masks')),
    'adversarial': Route(('synthetic', 'target'), ()),  # loss.generator and loss.discriminator, of scores
}


def check_reads(name: str, loss: nn.Module) -> None:
    """Refuse a loss whose inputs nobody knows, which would never be called.

    Args:
        name: Where the config has it, such as ``'model.losses.upright'``.
        loss: The loss.

    Raises:
        ValueError: It has no ``reads``, or one that is no key of :data:`ROUTES`; these are listed.
    """
    kind = type(loss).__name__
    if not hasattr(loss, 'reads'):
        raise ValueError(f'{name} is a {kind}, which does not say what it reads: give the class a `reads`, one of '
                         f'{", ".join(map(repr, ROUTES))}')
    check_choice(loss.reads, tuple(ROUTES), f'{name}: {kind}.reads')
