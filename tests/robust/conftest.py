"""Counts what was broken: each test here is one case of its file's ``KIND``.

A case that fails let something in (hostile files, dirty data) or lost something (all others). ``MMXAS_ROBUST_JSON``
names the file that the counts go to, and turns on the cases that train in processes of their own.
"""
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

REPORT = os.environ.get('MMXAS_ROBUST_JSON')
LETS_IN = {'hostile', 'dirty'}
HERE = Path(__file__).parent
_CASES: dict[str, tuple[str, str]] = {}
_SECONDS: Counter = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a report, only the fast part."""
    if not REPORT:
        slow = [item for item in items if HERE in item.path.parents and item.get_closest_marker('robust')]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Keep how each case ended."""
    report = (yield).get_result()
    kind = getattr(item.module, 'KIND', None)
    if kind is None:
        return
    _SECONDS[kind] += report.duration
    if report.when == 'call' or report.failed or report.skipped:
        outcome = 'skipped' if report.skipped else 'failed' if report.failed else 'held'
        if _CASES.get(item.nodeid, (kind, ''))[1] != 'failed':
            _CASES[item.nodeid] = kind, outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the counts."""
    if not REPORT or not _CASES:
        return
    path = Path(REPORT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(counts(), indent=1) + '\n', encoding='utf-8')


def counts() -> dict:
    """The report's content; a skipped case is no case."""
    by_kind = {}
    for kind in sorted({kind for kind, _ in _CASES.values()}):
        outcomes = Counter(outcome for of, outcome in _CASES.values() if of == kind)
        failed = outcomes['failed']
        by_kind[kind] = {'cases': outcomes['held'] + failed, 'lost': 0 if kind in LETS_IN else failed,
                         'entered': failed if kind in LETS_IN else 0, 'skipped': outcomes['skipped'],
                         'seconds': round(_SECONDS[kind])}
    total = {key: sum(row[key] for row in by_kind.values()) for key in ('cases', 'lost', 'entered')}
    return {**total, 'by_kind': by_kind, 'date': time.strftime('%Y-%m-%d'),
            'failed': sorted(name for name, (_, outcome) in _CASES.items() if outcome == 'failed')}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if not REPORT or not _CASES:
        return
    content = counts()
    line = terminalreporter.write_line
    line('')
    line(f'{"what was broken":<18}{"times":>7}{"lost":>7}{"got in":>8}{"skipped":>9}{"seconds":>9}')
    for kind, row in content['by_kind'].items():
        line(f'{kind:<18}{row["cases"]:>7}{row["lost"]:>7}{row["entered"]:>8}{row["skipped"]:>9}{row["seconds"]:>9}')
    line(f'{"all":<18}{content["cases"]:>7}{content["lost"]:>7}{content["entered"]:>8}')
    line(f'written to {REPORT}')
