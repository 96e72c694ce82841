"""Check that a run can use its work directory: it is writable and not in use."""
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from mmxas.errors import UsageError


def check_unused(cfg: Config) -> None:
    """Raise if a new training would overwrite the checkpoints of another one.

    Raises:
        UsageError: The work directory has checkpoints.
    """
    pointer = Path(cfg.work_dir) / 'last_checkpoint'
    if pointer.is_file() and not cfg.get('resume'):
        last = Path(pointer.read_text(encoding='utf-8').strip()).name
        raise UsageError(f'{cfg.work_dir}: holds checkpoints of another training ({last} is the last); --resume '
                         'continues from it, --work-dir chooses another folder')


_held: list[int] = []


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)  # a data worker may outlive a killed training


@contextmanager
def held(work_dir: str) -> Iterator[None]:
    """Lock a work directory while a training runs in it.

    Raises:
        UsageError: Another process has locked it.
    """
    _held.append(os.open(work_dir, os.O_RDONLY))
    try:
        try:
            fcntl.flock(_held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f'{work_dir}: another training is running in this folder; choose another with --work-dir'
                             ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(_held.pop())


def require_writable(folder: str, what: str = 'work directory', option: str = '--work-dir') -> None:
    """Create a folder, and check that it is writable.

    Args:
        folder: The folder.
        what: Name of the folder in the message. Defaults to ``'work directory'``.
        option: The option that chooses another folder. Defaults to ``'--work-dir'``.

    Raises:
        UsageError: The folder is not writable.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        reason = 'it is a file' if Path(folder).is_file() else error.strerror
        raise UsageError(f'{folder}: cannot write into this {what} ({reason}); free space, or choose another '
                         f'with {option}') from error


def require_place(folder: Path, what: str, option: str) -> None:
    """Check that a folder is writable or can be created, and create nothing.

    Args:
        folder: The folder.
        what: Name of the folder in the message.
        option: The option that chooses another folder.

    Raises:
        UsageError: The folder, or the nearest one above it that exists, is not writable.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    require_writable(str(nearest), what if nearest == folder else f'place of the {what} {folder}', option)


def require_writable_file(name: str, option: str) -> None:
    """Create the folder of a file that an option names, and check that the file is writable.

    Raises:
        UsageError: The file is not writable.
    """
    if Path(name).is_dir():
        raise UsageError(f'{option} {name}: this is a folder; give the name of a file')
    require_writable(str(Path(name).parent), f'folder of {option}', option)
