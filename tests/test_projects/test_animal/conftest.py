"""Paths and the free dog, for all tests of projects/animal."""
import sys
from pathlib import Path

import numpy as np
import pytest

from mmxas.body_models import SMALBodyModel

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / 'projects/free_bodies'))
DATA = 'projects/animal/data/'


@pytest.fixture(scope='session')
def dog() -> SMALBodyModel:
    """The free dog with the project's keypoints."""
    return SMALBodyModel(keypoints=f'{DATA}dog_keypoints.json')


@pytest.fixture(scope='session')
def dog_arrays() -> dict[str, np.ndarray]:
    """Everything in its file."""
    with np.load(ROOT / DATA / 'FREE_DOG.npz') as archive:
        return {key: archive[key] for key in archive.files}


@pytest.fixture(scope='session')
def motions() -> dict[str, np.ndarray]:
    """Everything in the file of motions."""
    with np.load(ROOT / DATA / 'dog_motions.npz') as archive:
        return {key: archive[key] for key in archive.files}
