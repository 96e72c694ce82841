"""Checks of arguments, with errors that give the expected and the actual value.

All ops validate their inputs with these functions before computing.
"""
from collections.abc import Sequence
from typing import Any

Dim = int | str | None


def check_shape(array: Any, expected: Sequence[Dim], name: str) -> dict[str, int]:
    """Check the shape of a tensor or array against a pattern.

    Args:
        array: Object with a ``shape`` (torch tensor, numpy array).
        expected: One entry per axis: an int (exactly this size), a str (a symbol; equal symbols must have equal
            sizes) or None (any size). A leading ``'...'`` stands for any number of axes.
        name: Name of the argument for the error message.

    Returns:
        The size of each symbol.

    Raises:
        TypeError: If ``array`` has no shape.
        ValueError: If the shape differs; the message gives the expected pattern and the actual shape.

    Examples:
        >>> import torch
        >>> check_shape(torch.zeros(2, 17, 3), ('N', 'K', 3), 'keypoints')
        {'N': 2, 'K': 17}
    """
    shape = getattr(array, 'shape', None)
    if shape is None:
        raise TypeError(f'{name}: an array of shape {_pattern(expected)} expected, got {type(array).__name__}')
    shape, dims = tuple(shape), list(expected)
    if dims and dims[0] == '...':
        dims = dims[1:]
        tail = shape[len(shape) - len(dims):] if len(shape) >= len(dims) else ()
    else:
        tail = shape
    symbols: dict[str, int] = {}
    if len(tail) != len(dims) or not all(_matches(size, dim, symbols) for size, dim in zip(tail, dims)):
        raise ValueError(f'{name}: shape {_pattern(expected)} expected, got {shape}')
    return symbols


def check_choice(value: Any, choices: Sequence[Any], name: str) -> None:
    """Check that a value is one of several choices.

    Raises:
        ValueError: If it is not; the message lists the choices.
    """
    if value not in choices:
        raise ValueError(f'{name}: one of {", ".join(map(repr, choices))} expected, got {value!r}')


def check_positive(value: float, name: str) -> None:
    """Check that a number is positive.

    Raises:
        ValueError: If it is not.
    """
    if not value > 0:
        raise ValueError(f'{name}: a number above 0 expected, got {value!r}')


def _matches(size: int, dim: Dim, symbols: dict[str, int]) -> bool:
    if dim is None:
        return True
    if isinstance(dim, str):
        return symbols.setdefault(dim, size) == size
    return size == dim


def _pattern(expected: Sequence[Dim]) -> str:
    return '(' + ', '.join('*' if dim is None else str(dim) for dim in expected) + ')'
