"""Workers end with their parent."""
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from mmxas.engine.data_workers import bind_workers


@pytest.mark.slow
def test_workers_outlive_a_signal_from_others_and_end_by_their_parent(tmp_path):
    """A cluster tells them all; torch's own workers would die, and raise in the middle of saving."""
    loader = DataLoader(range(40), num_workers=2, worker_init_fn=lambda worker: (tmp_path / str(worker)).touch())
    bind_workers(loader)
    batches = iter(loader)
    found = [int(next(batches)) for _ in range(2)]
    workers = batches._workers
    subprocess.run(['kill', '-TERM', *(str(worker.pid) for worker in workers)], check=True)
    found += [int(batch) for batch in batches]
    assert found == list(range(40))
    assert [(tmp_path / str(worker)).is_file() for worker in range(2)] == [True, True]
    again = iter(loader)
    assert [int(next(again)) for _ in range(2)] == found[:2]  # one batch of each worker, so both listen
    workers = again._workers
    for worker in workers:
        worker.terminate()
        worker.join(20)
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_it_is_done_once():
    loader = DataLoader(range(2), num_workers=1)
    bind_workers(loader)
    first = loader.worker_init_fn
    bind_workers(loader)
    assert loader.worker_init_fn is first
    alone = DataLoader(range(2))
    bind_workers(alone)
    assert alone.worker_init_fn is None


class LargeArrays(Dataset):
    """Samples that do not fit into a pipe."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> np.ndarray:
        return np.zeros(1 << 20)


def train_and_say_who_works() -> None:
    """Never asks for a second batch."""
    loader = DataLoader(LargeArrays(), batch_size=1, num_workers=2, collate_fn=lambda samples: samples)
    bind_workers(loader)
    batches = iter(loader)
    next(batches)
    print(*(worker.pid for worker in batches._workers), flush=True)
    time.sleep(600)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about does not."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='processes are looked up in /proc')
@pytest.mark.slow
def test_workers_of_a_killed_process_end():
    """With a batch in the pipe that nobody will read."""
    parent = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    time.sleep(1)
    assert len(workers) == 2 and all(map(is_alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait(20)
    end = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    left = [pid for pid in workers if is_alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


if __name__ == '__main__':
    train_and_say_who_works()
