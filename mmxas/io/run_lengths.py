"""Masks as COCO's compressed run lengths. pycocotools decodes them without checks, and crashes on broken text.

A mask is read column by column; runs of 0 and 1 take turns, the first is of 0. A run is stored as the difference to the
run two before (from the fourth on), in groups of five bits from the lowest, as characters from ``'0'`` on; 32 marks
that another group follows, 16 of the last group is the sign.
"""
import numpy as np

_BITS, _MORE, _SIGN, _ZERO = 5, 32, 16, ord('0')


def run_lengths(text: str | bytes) -> np.ndarray:
    """Decompress run lengths.

    Args:
        text: The ``counts`` of a COCO annotation.

    Returns:
        (R,) int64, px.

    Raises:
        ValueError: A character that does not occur in such text, or an end within a number.
    """
    data = text.encode('utf-8') if isinstance(text, str) else bytes(text)
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - _ZERO
    if not len(codes):
        return codes
    if codes.min() < 0 or codes.max() >= 2 * _MORE:
        raise ValueError(f'run lengths: characters {chr(_ZERO)!r} to {chr(_ZERO + 2 * _MORE - 1)!r} expected, got '
                         f'{chr(data[int(np.argmax((codes < 0) | (codes >= 2 * _MORE)))])!r}')
    last = (codes & _MORE) == 0
    if not last[-1]:
        raise ValueError('run lengths: the text ends within a number')
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    groups = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if groups.max() > 11:
        raise ValueError('run lengths: a number of more than 60 bits')
    values = np.add.reduceat((codes & (_MORE - 1)) << (_BITS * groups), starts)
    negative = (codes[ends] & _SIGN) > 0
    values = values - np.where(negative, np.int64(1) << (_BITS * (ends - starts + 1)), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def run_length_mask(text: str | bytes, height: int, width: int) -> np.ndarray:
    """Return the mask of compressed run lengths.

    Args:
        text: As of :func:`run_lengths`.
        height: Of the image, px.
        width: Of the image, px.

    Returns:
        (height, width) uint8, 0 or 1.

    Raises:
        ValueError: The text is invalid, or its runs do not fill the image.
    """
    runs = run_lengths(text)
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f'run lengths: {height * width} px expected for an image of {width} x {height}, got '
                         f'{int(runs.sum())} px in {len(runs)} runs')
    return np.repeat((np.arange(len(runs)) % 2).astype(np.uint8), runs).reshape(width, height).T
