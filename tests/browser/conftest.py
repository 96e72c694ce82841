"""The tests in a browser, for ``make test-browser``: marked ``browser``, and left out where that is not asked for."""
import shutil
from collections.abc import Iterator

import pytest

FLAGS = ['--headless=new', '--no-sandbox', '--enable-unsafe-swiftshader']  # WebGL without a GPU


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``-m browser``, nothing."""
    if 'browser' not in config.option.markexpr:
        mine = [item for item in items if item.get_closest_marker('browser')]
        config.hook.pytest_deselected(items=mine)
        items[:] = [item for item in items if item not in mine]


@pytest.fixture(scope='session')
def chromium() -> Iterator:
    """The system's Chromium, driven by playwright; whoever asks for it wants no test skipped."""
    from playwright.sync_api import sync_playwright
    path = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    assert path, 'no Chromium (Debian: apt install chromium)'
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
