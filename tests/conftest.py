"""Fixtures for all tests.

The parity vectors are files recorded from the paper's released implementation. They are read from the folder that
``MMXAS_PARITY_DIR`` names, by default ``../shared/parity`` beside the checkout; without it from ``tests/data/parity``,
which holds the small ones. The tests of the others are skipped.
"""
import gc
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmxas  # noqa: F401  before any test imports mmpose, which needs it under mmcv-lite

PARITY_DIR = Path(os.environ.get('MMXAS_PARITY_DIR') or Path(__file__).parents[1] / '../shared/parity').resolve()
SHIPPED_PARITY = Path(__file__).parent / 'data' / 'parity'
_READ: set[Path] = set()


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Folder of all parity vectors; skips the test where there is none."""
    if not PARITY_DIR.is_dir():
        pytest.skip(f'no parity vectors in {PARITY_DIR} (set MMXAS_PARITY_DIR)')
    return PARITY_DIR


@pytest.fixture(scope='session')
def parity() -> Callable[[str], dict[str, Any]]:
    """Reader of parity files by name: arrays of an ``.npz``, content of a ``.json``; skips where it is missing."""

    def read(name: str) -> dict[str, Any]:
        path = (PARITY_DIR if PARITY_DIR.is_dir() else SHIPPED_PARITY) / name
        if not path.is_file():
            pytest.skip(f'no {name} in {path.parent} (set MMXAS_PARITY_DIR)')
        if path.suffix == '.json':
            content = json.loads(path.read_text(encoding='utf-8'))
        else:
            with np.load(path, allow_pickle=False) as arrays:
                content = {key: arrays[key] for key in arrays.files}
        _READ.add(path)
        return content

    return read


@pytest.fixture
def alarm() -> Iterator[None]:
    """What hangs fails: by no OSError, which would pass for a refusal."""
    def hang(*_) -> None:
        raise RuntimeError('it hangs')
    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pytest_collection_finish() -> None:
    """What is there now stays: mmengine collects garbage whenever it builds a data set, half a second each time."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many parity files the run read."""
    if _READ:
        terminalreporter.write_line(f'parity: {len(_READ)} files read from {next(iter(_READ)).parent}')
