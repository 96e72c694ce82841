"""What a refusal is: an error that names the file, nothing executed, little memory."""
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REFUSALS = (ValueError, OSError)  # UnsafeFileError, UnsafePickleError's reasons and UnreadableImageError are of these
LIMIT_MB = 600


def _peak_kb() -> int:
    status = Path('/proc/self/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0])


@contextlib.contextmanager
def bounded_memory(limit_mb: int = LIMIT_MB) -> Iterator[None]:
    """Fail if the peak of the resident memory rises by more than this."""
    with contextlib.suppress(OSError):
        Path('/proc/self/clear_refs').write_text('5')
    before = _peak_kb()
    try:
        yield
    finally:  # a refusal may not fill the memory first
        grown = (_peak_kb() - before) / 1024
    assert grown < limit_mb, f'{grown:.0f} MB more, {limit_mb} allowed'


def assert_refused(load: Callable[[], object], path: Path, canary: Path | None = None, said: str = '') -> None:
    """``load()`` raises an error that names ``path`` and says ``said``; the canary is untouched, the memory bounded."""
    folder = {entry.name for entry in path.parent.iterdir()}
    with bounded_memory(), pytest.raises(REFUSALS) as caught:
        load()
    assert path.name in str(caught.value), f'the file is not named: {caught.value}'
    assert said in str(caught.value), f'{said!r} is not named: {caught.value}'
    assert canary is None or not canary.exists()
    assert {entry.name for entry in path.parent.iterdir()} == folder
