"""Tensors on their way to a GPU."""
import torch
from torch import Tensor


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; to a GPU it travels through pinned memory, so that the CPU does not wait.

    Args:
        tensor: Of any shape.
        device: Where to.
    """
    if tensor.device.type == 'cpu' and device.type == 'cuda':
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
