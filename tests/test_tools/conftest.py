"""Fixtures for the tests of ``tools/``, which is a folder of scripts and no package."""
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def load_tool(monkeypatch) -> Callable[[str], ModuleType]:
    """Reads ``tools/<name>.py`` as a module; what lies beside it can be imported, as where it runs as a script."""
    monkeypatch.syspath_prepend(TOOLS)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'tool_{name}', TOOLS / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
