"""Work for processes, in a module that they can import."""
import os
import signal
import sys

STARTED = {}


def start(factor: int) -> None:
    """Note what to multiply by."""
    STARTED['factor'] = factor


def start_wrongly() -> None:
    """Fail."""
    raise KeyError('nothing of this name')


def times(item: int) -> int:
    """Multiply."""
    return item * STARTED['factor']


def fails(item: int) -> None:
    """Raise an error of its own."""
    raise ValueError(f'item {item} is broken')


def dies(item: int) -> None:
    """Be killed, as for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def imported(name: str) -> bool:
    """Whether this process has imported a module."""
    return name in sys.modules
