import mmap
import re
import sys
from pathlib import Path

import pytest
import torch
from on_cuda.fake_device import imagined_gpu

from mmxas.ops.kernels import memory
from mmxas.ops.kernels.memory import upload, with_huge_pages

MODE = Path('/sys/kernel/mm/transparent_hugepage/enabled')


def huge_kilobytes(tensor: torch.Tensor) -> int:
    """Of the mapping that holds the tensor's middle, by /proc/self/smaps."""
    inside, address = False, tensor.data_ptr() + tensor.nbytes // 2
    for line in Path('/proc/self/smaps').read_text().splitlines():
        bounds = re.match(r'([0-9a-f]+)-([0-9a-f]+) ', line)
        if bounds:
            inside = int(bounds[1], 16) <= address < int(bounds[2], 16)
        elif inside and line.startswith('AnonHugePages:'):
            return int(line.split()[1])
    return 0


@pytest.mark.skipif(sys.platform != 'linux' or not MODE.is_file() or '[never]' in MODE.read_text(),
                    reason='the kernel gives no huge pages')
def test_large_tensors_get_them() -> None:
    # A new mapping: memory that this process has freed before has small pages already.
    mapping = mmap.mmap(-1, 2**26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    tensor = with_huge_pages(torch.frombuffer(mapping, dtype=torch.float32))
    assert huge_kilobytes(tensor) > 32 * 1024
    tensor.fill_(1.0)
    assert tensor.sum().item() == 2**24


def test_small_tensors_and_other_systems_are_left_alone(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(memory, '_madvise', lambda: lambda *arguments: asked.append(arguments))
    small = torch.empty(100)
    assert with_huge_pages(small) is small and asked == []
    assert with_huge_pages(torch.empty(2**24, device='meta')).shape == (2**24, ) and asked == []
    large = with_huge_pages(torch.empty(2**22 + 3))
    (first, length, advice), = asked
    assert advice == 14 and first.value % 4096 == 0 and length.value % 4096 == 0
    assert large.data_ptr() <= first.value and first.value + length.value <= large.data_ptr() + 4 * large.numel()
    monkeypatch.setattr(memory, '_madvise', lambda: None)
    assert with_huge_pages(large) is large


def test_an_upload_to_the_cpu_returns_the_tensor():
    tensor = torch.arange(3)
    assert upload(tensor, torch.device('cpu')) is tensor


def test_an_upload_to_fake_cuda_does_not_block():
    with imagined_gpu() as waits:
        tensor = upload(torch.zeros(3), torch.device('cuda'))
        assert tensor.device.type == 'cuda' and not waits.at
        assert upload(tensor, tensor.device) is tensor
