"""A small random body model in SMPL's format."""
from collections.abc import Callable

import numpy as np
import pytest

from mmxas.body_models import SMPLBodyModel

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


@pytest.fixture(scope='session')
def make_arrays() -> Callable[..., dict[str, np.ndarray]]:
    """Arrays of a random body model; every value is exact in float32."""

    def make(num_vertices: int = 40, parents: tuple[int, ...] = PARENTS, num_betas: int = 10,
             posedirs: bool = True) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(0)
        joints = len(parents)
        arrays = {
            'v_template': rng.normal(size=(num_vertices, 3)),
            'f': rng.integers(0, num_vertices, (num_vertices, 3)),
            'shapedirs': 0.1 * rng.normal(size=(num_vertices, 3, num_betas)),
            'J_regressor': rng.dirichlet(np.ones(num_vertices), joints),
            'weights': rng.dirichlet(np.ones(joints), num_vertices),
            'kintree_table': np.stack([np.array([2 ** 32 - 1, *parents[1:]]), np.arange(joints)]),
        }
        if posedirs:
            arrays['posedirs'] = 0.01 * rng.normal(size=(num_vertices, 3, 9 * (joints - 1)))
        return {key: value.astype(np.float32).astype(float) if value.dtype.kind == 'f' else value
                for key, value in arrays.items()}

    return make


@pytest.fixture(scope='session')
def free_models() -> dict[str, SMPLBodyModel]:
    """The shipped bodies by gender."""
    return {gender: SMPLBodyModel(gender=gender) for gender in SMPLBodyModel.FAMILY.genders}
