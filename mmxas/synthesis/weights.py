"""The chances of components of which one is drawn."""
from collections.abc import Sequence


def check_weights(owner: str, weights: Sequence[float] | None, count: int) -> list[float]:
    """Return the chances of ``count`` components, up to a factor: equal ones for None.

    Args:
        owner: whose argument it is, for the message.
        weights: one for each component, or None.
        count: number of components.

    Raises:
        ValueError: another number of weights, a negative one, or a sum of 0.
    """
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f'{owner}: weights={weights}, expected {count} numbers >= 0 with a positive sum')
    return weights
