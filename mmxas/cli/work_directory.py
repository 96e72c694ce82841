"""Whether a run can use its work directory: nobody else does, and it can be written."""
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from mmxas.errors import UsageError


def check_unused(cfg: Config) -> None:
    """Look whether a new training would write over the checkpoints of another one.

    Raises:
        UsageError: It would.
    """
    pointer = Path(cfg.work_dir) / 'last_checkpoint'
    if pointer.is_file() and not cfg.get('resume'):
        last = Path(pointer.read_text(encoding='utf-8').strip()).name
        raise UsageError(f'{cfg.work_dir}: holds checkpoints of another training ({last} is the last); --resume goes '
                         'on from it, --work-dir chooses another folder')


_held: list[int] = []


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)  # a data worker may outlive a training that was killed


@contextmanager
def held(work_dir: str) -> Iterator[None]:
    """Hold a work directory while a training runs in it.

    Raises:
        UsageError: Another process holds it.
    """
    _held.append(os.open(work_dir, os.O_RDONLY))
    try:
        try:
            fcntl.flock(_held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f'{work_dir}: another training is running in this folder; choose another by --work-dir'
                             ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(_held.pop())


def require_writable(folder: str, what: str = 'work directory', option: str = '--work-dir') -> None:
    """Make a folder, and look whether something can be written there.

    Args:
        folder: The folder.
        what: What the message calls it. Defaults to ``'work directory'``.
        option: The option that chooses another. Defaults to ``'--work-dir'``.

    Raises:
        UsageError: It cannot.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise UsageError(f'{folder}: nothing can be written into this {what} ({error.strerror}); make room, or '
                         f'choose another by {option}') from error


def require_writable_file(name: str, option: str) -> None:
    """Make the folder of a file that an option names, and look whether the file can be written.

    Raises:
        UsageError: It cannot.
    """
    if Path(name).is_dir():
        raise UsageError(f'{option} {name}: this is a folder; give the name of a file')
    require_writable(str(Path(name).parent), f'folder of {option}', option)
