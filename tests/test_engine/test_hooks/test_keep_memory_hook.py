"""When memory is kept."""
from types import SimpleNamespace

import pytest
import torch

from mmxas.engine.hooks import keep_memory_hook
from mmxas.engine.hooks.keep_memory_hook import KeepMemoryHook


@pytest.mark.parametrize('moment', ['before_train', 'before_test'])
@pytest.mark.parametrize(('device', 'times'), [('cpu', 1), ('meta', 0)])
def test_on_a_cpu_only(monkeypatch, moment, device, times):
    calls = []
    monkeypatch.setattr(keep_memory_hook, 'keep_freed_memory', lambda: calls.append(moment))
    getattr(KeepMemoryHook(), moment)(SimpleNamespace(model=torch.nn.Linear(2, 2, device=device)))
    assert len(calls) == times
