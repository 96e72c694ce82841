"""Random colours of skin, hair and cloth."""
import colorsys
from collections.abc import Sequence

import numpy as np

# RGB tones between which colours are mixed.
TONES = {
    'skin': ((0.98, 0.86, 0.78), (0.90, 0.72, 0.60), (0.76, 0.55, 0.42), (0.55, 0.37, 0.27), (0.32, 0.21, 0.16)),
    'hair': ((0.08, 0.06, 0.05), (0.22, 0.14, 0.09), (0.42, 0.27, 0.15), (0.75, 0.60, 0.36), (0.62, 0.60, 0.58)),
}
# Hue, saturation and value ranges.
RANGES = {
    'cloth': ((0, 1), (0, 0.9), (0.12, 1.0)),
    'trousers': ((0, 1), (0, 0.7), (0.08, 0.8)),
    'shoes': ((0, 1), (0, 0.5), (0.05, 0.95)),
    'vivid': ((0, 1), (0.6, 1.0), (0.3, 1.0)),
}


def draw_color(palette: str | Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Draw one colour (3,) RGB in [0, 1]; always three uniform deviates, and one integer before with a list.

    Args:
        palette: a key of ``TONES`` or ``RANGES``, or a list of them to choose from with equal chances.
        rng: source of randomness.

    Raises:
        ValueError: for an unknown palette.
    """
    if not isinstance(palette, str):
        palette = palette[int(rng.integers(len(palette)))]
    a, b, c = rng.random(3)
    if palette in TONES:
        tones = np.asarray(TONES[palette])
        place = a * (len(tones) - 1)
        low = min(int(place), len(tones) - 2)
        mixed = tones[low] + (place - low) * (tones[low + 1] - tones[low])
        return np.clip(mixed * (0.9 + 0.2 * b) + (c - 0.5) * np.array([0.03, 0.0, -0.03]), 0, 1)
    if palette in RANGES:
        hue, saturation, value = (low + u * (high - low) for u, (low, high) in zip((a, b, c), RANGES[palette]))
        return np.asarray(colorsys.hsv_to_rgb(hue, saturation, value))
    raise ValueError(f'palette {palette!r}: expected one of {sorted((*TONES, *RANGES))}')
