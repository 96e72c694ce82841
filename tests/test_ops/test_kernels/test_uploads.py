"""Uploads keep the values, and do not block."""
import torch
from on_cuda.fake_device import imagined_gpu

from mmxas.ops.kernels.uploads import upload


def test_a_cpu_tensor_stays_where_it_is():
    tensor = torch.arange(3)
    assert upload(tensor, torch.device('cpu')) is tensor


def test_fake_cuda_is_reached_by_pinned_memory():
    with imagined_gpu() as waits:
        tensor = upload(torch.zeros(3), torch.device('cuda'))
        assert tensor.device.type == 'cuda' and not waits.at
        assert upload(tensor, tensor.device) is tensor
