"""When memory is kept."""
import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from mmxas.engine.hooks import keep_memory_hook
from mmxas.engine.hooks.keep_memory_hook import KeepMemoryHook, keep_freed_memory


@pytest.mark.parametrize('moment', ['before_train', 'before_test'])
@pytest.mark.parametrize(('device', 'times'), [('cpu', 1), ('meta', 0)])
def test_on_a_cpu_only(monkeypatch, moment, device, times):
    calls = []
    monkeypatch.setattr(keep_memory_hook, 'keep_freed_memory', lambda: calls.append(moment))
    getattr(KeepMemoryHook(), moment)(SimpleNamespace(model=torch.nn.Linear(2, 2, device=device)))
    assert len(calls) == times


GLIBC = platform.libc_ver()[0] == 'glibc'
# The fewest page faults of writing 64 MB, out of six times, before and after memory is kept. The heap may grow once or
# twice before a free place of that size is found again.
FAULTS = """
import resource, torch
from mmxas.engine.hooks.keep_memory_hook import keep_freed_memory

def faults():
    counts = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.empty(2**24).fill_(1.0)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return min(counts)

print(faults(), keep_freed_memory(), faults())
"""


@pytest.mark.skipif(not GLIBC, reason='a C library other than glibc')
def test_memory_that_was_freed_is_used_again():
    environment = {key: value for key, value in os.environ.items() if key not in ('GLIBC_TUNABLES', 'LD_PRELOAD')}
    done = subprocess.run([sys.executable, '-c', FAULTS], capture_output=True, text=True, check=True, env=environment)
    new, kept, used_again = done.stdout.split()
    assert kept == 'True'
    assert int(new) >= 30  # pages of 2 MB at the most
    assert int(used_again) < 30


@pytest.fixture
def calls(monkeypatch) -> list[tuple[int, int]]:
    """What a C library is told."""
    told = []

    class Library:
        def mallopt(self, *arguments: int) -> int:
            told.append(arguments)
            return 1

        def gnu_get_libc_version(self) -> bytes:
            return b'2.36'

    for name in list(os.environ):
        if name.startswith('MALLOC_') or name == 'GLIBC_TUNABLES':
            monkeypatch.delenv(name)
    monkeypatch.setattr(sys, 'platform', 'linux')
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: Library())
    return told


def test_what_the_library_is_told(calls):
    assert keep_freed_memory() is True
    assert calls == [(-4, 0), (-1, -1)]  # no mappings, no trimming
    assert keep_freed_memory(False) is True
    assert calls[2:] == [(-4, 65536), (-3, 32 << 20), (-1, 64 << 20)]


@pytest.mark.parametrize(('name', 'value', 'left_alone'), [
    ('MALLOC_TRIM_THRESHOLD_', '1000', True), ('GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1', True),
    ('GLIBC_TUNABLES', 'glibc.pthread.rseq=0', False)])
def test_what_the_environment_has_set_stays(calls, monkeypatch, name, value, left_alone):
    monkeypatch.setenv(name, value)
    assert keep_freed_memory() is not left_alone
    assert (calls == []) is left_alone


def test_other_systems_and_libraries_are_left_alone(calls, monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    assert keep_memory_hook.keep_freed_memory() is False
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert keep_memory_hook.keep_freed_memory() is False
    assert calls == []
