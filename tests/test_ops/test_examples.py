"""The examples in the docstrings of the operators give what they show."""
import doctest
import importlib
import pkgutil

import pytest
import torch

from mmxas import ops


@pytest.mark.parametrize('name', [module.name for module in pkgutil.iter_modules(ops.__path__)])
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(f'mmxas.ops.{name}')
    assert doctest.testmod(module, extraglobs=dict(torch=torch)).failed == 0
