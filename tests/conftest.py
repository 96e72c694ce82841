"""Fixtures for all tests.

The parity vectors are files recorded from the paper's released implementation. They are read from the folder that
``MMXAS_PARITY_DIR`` names, by default ``../shared/parity`` beside the checkout; without it their tests are skipped.
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
_READ: set[str] = set()


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Folder of the parity vectors; skips the test where there is none."""
    if not PARITY_DIR.is_dir():
        pytest.skip(f'no parity vectors in {PARITY_DIR} (set MMXAS_PARITY_DIR)')
    return PARITY_DIR


@pytest.fixture(scope='session')
def parity(parity_dir: Path) -> Callable[[str], dict[str, Any]]:
    """Reader of parity files by name: arrays of an ``.npz``, content of a ``.json``."""

    def read(name: str) -> dict[str, Any]:
        path = parity_dir / name
        assert path.is_file(), f'{path}: parity file expected, none found'
        if path.suffix == '.json':
            content = json.loads(path.read_text(encoding='utf-8'))
        else:
            with np.load(path, allow_pickle=False) as arrays:
                content = {key: arrays[key] for key in arrays.files}
        _READ.add(name)
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
        terminalreporter.write_line(f'parity: {len(_READ)} files read from {PARITY_DIR}')
    elif not PARITY_DIR.is_dir():
        terminalreporter.write_line(f'parity: 0 files read, {PARITY_DIR} is not there')
