"""A loss says what it reads by one of a few words."""
import inspect

import pytest
from torch import nn

from mmxas.models import losses
from mmxas.models.losses.routes import ROUTES, check_reads
from mmxas.registry import MODELS


def loss_that(**attributes):
    """A loss with these class attributes."""
    return type('OwnLoss', (nn.Module, ), attributes)()


def test_a_misspelt_word_is_refused_with_the_possible_ones():
    check_reads('model.losses.own', loss_that(reads='pose'))
    with pytest.raises(ValueError, match="model.losses.own: OwnLoss.reads: one of 'features', 'labels', 'pose', "
                                         "'target_labels', 'mask', 'adversarial' expected, got 'poses'"):
        check_reads('model.losses.own', loss_that(reads='poses'))
    with pytest.raises(ValueError, match="own is a OwnLoss, which does not say what it reads: .* one of 'features'"):
        check_reads('model.losses.own', loss_that())


def test_every_shipped_loss_takes_what_its_route_gives():
    shipped = [MODELS.get(name) for name in losses.__all__]
    assert {loss.reads for loss in shipped} == set(ROUTES)
    for loss in shipped:
        taken = len(inspect.signature(loss.forward).parameters) - 1
        assert taken == len(ROUTES[loss.reads].inputs) or loss.reads == 'adversarial', loss
