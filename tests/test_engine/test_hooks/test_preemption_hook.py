"""SIGTERM ends a run with everything that it did."""
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmxas.engine.hooks.preemption_hook import STATUS, PreemptionHook, bind_workers

HOOKS = dict(preemption=dict(type='PreemptionHook'))


def ask_at(runner, iteration: int) -> None:
    before = runner.record.before_train_iter

    def before_train_iter(runner, *args, **kwargs):
        before(runner, *args, **kwargs)
        if runner.iter == iteration:
            os.kill(os.getpid(), signal.SIGTERM)

    runner.record.before_train_iter = before_train_iter


@pytest.mark.parametrize('iteration', [0, 1, 2, 5])
def test_it_saves_exits_and_resumes_to_the_same_weights(make_runner, tmp_path, iteration):
    whole = make_runner()
    whole.train()
    runner = make_runner(hooks=HOOKS)
    ask_at(runner, iteration)
    with pytest.raises(SystemExit) as ended:
        runner.train()
    assert ended.value.code == STATUS == 143
    path = tmp_path / f'preempted_iter_{iteration + 1}.pth'
    assert (tmp_path / 'last_checkpoint').read_text() == str(path)
    assert torch.load(path)['meta']['iter'] == iteration + 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    resumed = make_runner(hooks=HOOKS, resume=True)
    resumed.train()
    assert [record['iter'] for record in resumed.record.iterations] == list(range(iteration + 1, 6))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_it_waits_for_the_step_that_gathers_gradients(make_runner, tmp_path):
    options = dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=2), hooks=HOOKS)
    whole = make_runner(**options)
    whole.train()
    runner = make_runner(**options)
    ask_at(runner, 2)
    with pytest.raises(SystemExit):
        runner.train()
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'preempted_iter_4.pth')
    resumed = make_runner(**options, resume=True)
    resumed.train()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_one_preempted_checkpoint_is_left(make_runner, tmp_path):
    for iteration in (0, 2, 3):
        runner = make_runner(hooks=HOOKS, resume=True)
        ask_at(runner, iteration)
        with pytest.raises(SystemExit):
            runner.train()
    assert [path.name for path in tmp_path.glob('*.pth')] == ['preempted_iter_4.pth']


def test_weights_that_are_not_finite_are_not_saved(make_runner, tmp_path):
    runner = make_runner(hooks=HOOKS)
    ask_at(runner, 1)
    after = runner.record.after_train_iter

    def after_train_iter(runner, *args, **kwargs):
        after(runner, *args, **kwargs)
        if runner.iter == 1:
            next(runner.model.parameters()).data[:] = float('nan')

    runner.record.after_train_iter = after_train_iter
    runner._hooks.sort(key=lambda hook: hook is not runner.record)  # before the hook that saves
    with pytest.raises(FloatingPointError, match=r'preempted_iter_2\.pth: not written, .* is not finite'):
        runner.train()
    assert not list(tmp_path.glob('*.pth')) and not (tmp_path / 'last_checkpoint').exists()


def test_a_run_that_is_not_asked_goes_on_and_gives_the_signal_back(make_runner, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    make_runner(hooks=HOOKS).train()
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(tmp_path.glob('preempted*'))


def test_a_run_that_an_error_ends_gives_the_signal_back(make_runner):
    before = signal.getsignal(signal.SIGTERM)
    runner = make_runner(hooks=HOOKS)

    def before_train_iter(runner, *args, **kwargs):
        assert signal.getsignal(signal.SIGTERM) != before
        raise OSError('gone')

    runner.record.before_train_iter = before_train_iter
    with pytest.raises(OSError, match='gone'):
        runner.train()
    assert signal.getsignal(signal.SIGTERM) == before


def hook_of(loader: DataLoader) -> PreemptionHook:
    """The hook in a run with this loader."""
    hook = PreemptionHook()
    hook.before_train(SimpleNamespace(train_dataloader=loader, val_loop=SimpleNamespace(dataloader=loader)))
    return hook


def test_forked_processes_leave_the_signal_to_their_parent():
    hook = hook_of(DataLoader(range(2)))
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(7 + hook.asked)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    hook.after_train(None)


def test_workers_are_bound_in_testing_too():
    loader = DataLoader(range(4), num_workers=1)
    PreemptionHook().before_test(SimpleNamespace(test_dataloader=loader))
    assert loader.worker_init_fn is not None
    assert [int(batch) for batch in loader] == [0, 1, 2, 3]


def vote(rank: int, store: str, found) -> None:
    """Six votes of one of two processes; the second is told to leave before the third."""
    torch.distributed.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    hook, loader = PreemptionHook(), DataLoader(range(2))
    hook.before_train(SimpleNamespace(train_dataloader=loader, val_loop=None))
    decided = []
    for count in range(6):
        hook.asked = hook.asked or rank == 1 and count == 2
        decided.append(hook._is_asked(count))
    hook.after_train(None)
    found[rank] = decided
    torch.distributed.destroy_process_group()


def test_processes_leave_together_one_vote_after_one_was_asked(tmp_path):
    context = multiprocessing.get_context('fork')
    with context.Manager() as manager:
        found = manager.dict()
        processes = [context.Process(target=vote, args=(rank, str(tmp_path / 'store'), found)) for rank in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert dict(found) == dict.fromkeys(range(2), [False] * 3 + [True] * 3)


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
