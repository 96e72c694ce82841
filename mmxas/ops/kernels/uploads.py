"""Copy tensors to a GPU."""
import torch
from torch import Tensor


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; for a GPU through pinned memory, so that the CPU does not wait.

    Args:
        tensor: Tensor of any shape.
        device: Target device.
    """
    if tensor.device.type == 'cpu' and device.type == 'cuda':
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
