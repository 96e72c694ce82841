"""Tests marked ``cuda`` are skipped where there is no GPU."""
import os

import pytest
import torch

os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # deterministic products ask for it before CUDA starts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip with a reason."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker('cuda'):
                item.add_marker(pytest.mark.skip(reason='needs a GPU: torch.cuda.is_available() is False here'))


@pytest.fixture
def without_tf32():
    """Convolutions in single precision are as exact as products of matrices."""
    before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def deterministic():
    """Operators without a deterministic form raise."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
