"""A choice among appearances, lights or backgrounds."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.synthesis.weights import check_weights


@APPEARANCES.register_module()
class OneOf:
    """Draws one of several components, and lets it draw.

    Args:
        choices: configs of components with the same ``sample`` signature.
        weights: their chances, up to a factor; None for equal ones.

    Raises:
        ValueError: no choices, another number of weights, or a negative one.
    """

    def __init__(self, choices: Sequence[dict], weights: Sequence[float] | None = None) -> None:
        if not choices:
            raise ValueError('OneOf: choices is empty')
        weights = check_weights('OneOf', weights, len(choices))
        self.choices = [APPEARANCES.build(choice) for choice in choices]
        self.data_files = tuple(file for choice in self.choices for file in getattr(choice, 'data_files', ()))
        self.ends = np.cumsum(weights) / sum(weights)

    def sample(self, *arguments: Any) -> Any:
        """Draw from a random choice, with its own arguments: the last is the source of randomness."""
        rng: np.random.Generator = arguments[-1]
        place = int(np.searchsorted(self.ends, rng.random(), side='right'))
        return self.choices[min(place, len(self.choices) - 1)].sample(*arguments)
