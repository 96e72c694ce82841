"""A free body, and small generators of both domains."""
import copy

import pytest

import mmxas  # noqa: F401  registers the components
from mmxas.registry import BODY_MODELS
from mmxas.synthesis import PairGenerator

SYNTHETIC = dict(
    skeleton='h36m18', body_model=dict(type='SMPLBodyModel'), pose_source=dict(type='TruncatedGaussianPrior'),
    image_size=64,
    light=dict(type='RandomLight'), background=dict(type='NoiseBackground'))
TARGET = dict(
    skeleton='h36m18', body_model=dict(type='SMPLBodyModel'),
    pose_source=dict(type='MocapPoses', clips=['walk', 'run']),
    appearance=dict(type='PaintedClothes'), light=dict(type='RandomLight'), background=dict(type='PhotoBackground'),
    image_size=64)


@pytest.fixture(scope='session')
def body():
    return BODY_MODELS.build(dict(type='SMPLBodyModel')).eval()


@pytest.fixture
def synthetic_config():
    return copy.deepcopy(SYNTHETIC)


@pytest.fixture(scope='session')
def generator():
    return PairGenerator.from_config(SYNTHETIC)


@pytest.fixture(scope='session')
def target_generator():
    return PairGenerator.from_config(TARGET)
