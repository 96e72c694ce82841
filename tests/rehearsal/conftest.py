"""A rehearsal of the docs' commands on miniatures of the downloads; in ``make rehearsal`` alone, as it takes minutes.

``MMXAS_REHEARSAL=1`` turns it on. There a test that is skipped fails, but those that compare a miniature with a true
sample: the samples are not in every checkout.
"""
import os
from pathlib import Path

import pytest

from .workshop import Workshop

HERE = Path(__file__).parent
ON = os.environ.get('MMXAS_REHEARSAL')
SAMPLES = Path(os.environ.get('MMXAS_DATA_DIR') or HERE.parents[1] / '../shared/data').resolve()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the variable, nothing."""
    if not ON:
        mine = [item for item in items if HERE in item.path.parents]
        config.hook.pytest_deselected(items=mine)
        items[:] = [item for item in items if item not in mine]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """What would be skipped fails."""
    report = (yield).get_result()
    if ON and report.skipped and HERE in item.path.parents and 'samples' not in item.fixturenames:
        report.outcome, report.longrepr = 'failed', f'skipped, which the rehearsal does not allow: {report.longrepr}'


@pytest.fixture(scope='session')
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The folder in which all commands run."""
    return Workshop(tmp_path_factory.mktemp('rehearsal'))


@pytest.fixture(scope='session')
def samples() -> Path:
    """A few true files of some data sets; skips the test where there are none."""
    if not SAMPLES.is_dir():
        pytest.skip(f'no samples in {SAMPLES} (set MMXAS_DATA_DIR)')
    return SAMPLES
