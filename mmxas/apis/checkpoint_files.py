"""Check that a checkpoint file exists, is complete, and is of the kind that a run needs."""
import zipfile
from pathlib import Path

from mmengine.config import Config

from mmxas.errors import UsageError
from mmxas.io import read_checkpoint_file

from .checkpoint_checks import check_resumes


def require_checkpoint(name: str) -> str:
    """Return the checkpoint's path or URL after checking that the file exists and is complete.

    Raises:
        UsageError: The file is missing or truncated.
    """
    if '://' in name:
        return name
    path = Path(name)
    if not path.is_file():
        raise UsageError(f'{name}: no such checkpoint file')
    with path.open('rb') as file:
        begins_as_archive = file.read(2) == b'PK'
    if begins_as_archive and not zipfile.is_zipfile(path):
        raise UsageError(f'{name}: the end of this checkpoint is missing; use another one, or copy it again')
    return name


def check_newest_checkpoint(work_dir: str) -> None:
    """Check that the checkpoint that a plain ``--resume`` loads exists and is complete.

    Raises:
        UsageError: ``last_checkpoint`` names a missing or truncated file; the message lists the existing ones.
    """
    pointer = Path(work_dir) / 'last_checkpoint'
    if not pointer.is_file():
        return  # mmengine starts a new training
    try:
        require_checkpoint(pointer.read_text(encoding='utf-8').strip())
    except UsageError as error:
        there = ', '.join(sorted(str(path) for path in Path(work_dir).glob('*.pth'))) or 'none'
        raise UsageError(f'{pointer} names {error}. Use --resume CHECKPOINT; there are: {there}') from error


def check_run_state(cfg: Config) -> None:
    """Check that the checkpoint to resume from has everything that resuming needs.

    Raises:
        UsageError: Something is missing, or the file cannot be read.
    """
    if not cfg.get('resume') or not cfg.get('load_from') or '://' in cfg.load_from:
        return
    try:
        check_resumes(read_checkpoint_file(cfg.load_from, 'cpu'))
    except ValueError as error:
        raise UsageError(str(error) if cfg.load_from in str(error) else f'{cfg.load_from}: {error}') from error
