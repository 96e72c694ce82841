"""Random choice among appearances, lights or backgrounds."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmxas.registry import APPEARANCES, BACKGROUNDS, LIGHTS


@APPEARANCES.register_module()
class OneOf:
    """Sample from one of several appearances, chosen at random.

    In a config, ``type='OneOf'`` chooses among lights or backgrounds too.

    Args:
        choices: configs of components with the same ``sample`` signature.
        weights: their relative probabilities; None for equal ones.

    Raises:
        ValueError: there are no choices, or the weights are negative or of another number.
        KeyError: a choice is of another kind.
    """

    registry = APPEARANCES

    def __init__(self, choices: Sequence[dict], weights: Sequence[float] | None = None) -> None:
        if not choices:
            raise ValueError('OneOf: choices is empty')
        weights = check_weights('OneOf', weights, len(choices))
        self.choices = [self.registry.build(choice) for choice in choices]
        self.data_files = tuple(file for choice in self.choices for file in getattr(choice, 'data_files', ()))
        self.ends = np.cumsum(weights) / sum(weights)

    def sample(self, *arguments: Any) -> Any:
        """Sample from a random choice; ``arguments`` are passed on, the last is the random generator."""
        rng: np.random.Generator = arguments[-1]
        place = int(np.searchsorted(self.ends, rng.random(), side='right'))
        return self.choices[min(place, len(self.choices) - 1)].sample(*arguments)


@LIGHTS.register_module(name='OneOf')
class OneOfLights(OneOf):
    """Sample from one of several lights; see :class:`OneOf`."""

    registry = LIGHTS


@BACKGROUNDS.register_module(name='OneOf')
class OneOfBackgrounds(OneOf):
    """Sample from one of several backgrounds; see :class:`OneOf`."""

    registry = BACKGROUNDS


def check_weights(owner: str, weights: Sequence[float] | None, count: int) -> list[float]:
    """Return the relative probabilities of ``count`` components; equal ones for None.

    Args:
        owner: name of the owner, for the message.
        weights: one per component, or None.
        count: number of components.

    Raises:
        ValueError: the number of weights is wrong, one is negative, or their sum is 0.
    """
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f'{owner}: weights={weights}, expected {count} numbers >= 0 with a positive sum')
    return weights
