"""Random adults in MakeHuman's terms, with the statures of a population.

Gender 0 is male, 1 female. Lengths are in metres.
"""
from collections.abc import Callable

import numpy as np

from .makehuman import Phenotype

GENDERS = ('neutral', 'male', 'female')
_MALE_STATURE, _FEMALE_STATURE, _STATURE_SPREAD = 1.765, 1.630, 0.068  # m
_LARGEST_BLEND = 0.12  # largest share of the other gender in a body


def sample_phenotype(gender: str, rng: np.random.Generator, stature_of: Callable[[Phenotype], float]) -> Phenotype:
    """Draw a random adult.

    Args:
        gender: 'neutral' (either, with equal chance), 'male' or 'female'.
        rng: Random generator.
        stature_of: Stature of a phenotype, linear in its height.

    Returns:
        Phenotype: A body with a normally distributed stature for its gender, within the range of the targets.
    """
    blend = _gender(gender, rng)
    phenotype = Phenotype(
        gender=blend, age=float(rng.beta(1.2, 2.5)), muscle=_share(rng, 0.20), weight=_share(rng, 0.22),
        proportions=_share(rng, 0.20), races=tuple(rng.dirichlet([1, 1, 1])), cup=_share(rng, 0.20),
        firmness=_share(rng, 0.20))
    stature = rng.normal(_MALE_STATURE + blend * (_FEMALE_STATURE - _MALE_STATURE), _STATURE_SPREAD)
    return phenotype._replace(height=solve_height(phenotype, stature, stature_of))


def solve_height(phenotype: Phenotype, stature: float, stature_of: Callable[[Phenotype], float]) -> float:
    """Return the height factor in [0, 1] that gives a stature, or the nearest one."""
    lowest, highest = (stature_of(phenotype._replace(height=height)) for height in (0.0, 1.0))
    return float(np.clip((stature - lowest) / (highest - lowest), 0, 1))


def _gender(gender: str, rng: np.random.Generator) -> float:
    centre = float(rng.random() < 0.5) if gender == 'neutral' else float(gender == 'female')
    return abs(centre - _LARGEST_BLEND * rng.random())


def _share(rng: np.random.Generator, spread: float) -> float:
    return float(np.clip(rng.normal(0.5, spread), 0.02, 0.98))
