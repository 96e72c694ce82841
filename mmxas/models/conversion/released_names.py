"""Map tensor names of an :class:`XASPoseEstimator` to those in checkpoints of the paper's released code.

A released checkpoint has two dictionaries: ``unsup_model`` (``regressor``: the detector; ``physique_network``) and
``unsup_disc`` (``smpl_discriminator``). The detector's head, ``features``, is one list that repeats deconvolution, norm
and activation, and ends with the 1 x 1 convolution. In the decoder of the physique network, upsampling is the first
layer of a block. The last modules of the discriminator's ``joint_gcn`` and ``bone_gcn`` are the refining modules.
"""
import re
from collections.abc import Iterable

MODEL, DISCRIMINATOR = 'unsup_model', 'unsup_disc'
_HEAD, _PHYSIQUE, _JUDGE = 'regressor.net.head.features', 'physique_network', 'smpl_discriminator'
_BRANCHES = {'keypoint': 'joint', 'bone': 'bone'}
_LAYERS = {'conv': 'gc', 'norm': 'ln'}


def released_names(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the released dictionary and key of each tensor.

    Args:
        names: All keys of the estimator's state dict; positions in the released lists depend on their number.

    Returns:
        Key of the estimator to (dictionary, key) of the released checkpoint.

    Raises:
        ValueError: The released networks have no counterpart of a tensor.

    Examples:
        >>> released_names(['head.deconv_layers.0.0.weight', 'head.final_layer.bias'])['head.final_layer.bias']
        ('unsup_model', 'regressor.net.head.features.3.bias')
    """
    names = list(names)
    counts = {part: _count(names, pattern) for part, pattern in {
        'deconvs': r'head\.deconv_layers\.(\d+)\.', 'decoder': r'physique\.decoder\.(\d+)\.',
        'modules': r'discriminator\.keypoint_branch\.residual\.(\d+)\.'}.items()}
    return {name: _released_name(name, **counts) for name in names}


def _count(names: Iterable[str], pattern: str) -> int:
    return 1 + max((int(found[1]) for name in names if (found := re.match(pattern, name))), default=-1)


def _released_name(name: str, deconvs: int, decoder: int, modules: int) -> tuple[str, str]:
    network, _, rest = name.partition('.')
    if network == 'backbone':
        return MODEL, f'regressor.net.backbone.{rest}'
    if network == 'head':
        found = _head_name(rest, deconvs)
    elif network == 'physique':
        found = _physique_name(rest, decoder)
    else:
        found = _discriminator_name(rest, modules) if network == 'discriminator' else None
    if found is None:
        raise ValueError(f'{name}: the released networks have no such tensor. Build the model of '
                         'configs/xas_h36m_released.py: ResNet, deconvolutions only, GCNDiscriminator')
    return (DISCRIMINATOR if network == 'discriminator' else MODEL), found


def _head_name(rest: str, deconvs: int) -> str | None:
    if found := re.fullmatch(r'deconv_layers\.(\d+)\.([01])\.(\w+)', rest):
        return f'{_HEAD}.{3 * int(found[1]) + int(found[2])}.{found[3]}'
    if found := re.fullmatch(r'final_layer\.(\w+)', rest):
        return f'{_HEAD}.{3 * deconvs}.{found[1]}'
    return None


def _physique_name(rest: str, decoder: int) -> str | None:
    if found := re.fullmatch(r'(encoder|decoder)\.(\d+)\.(conv|norm)\.(\w+)', rest):
        upsampled = found[1] == 'decoder' and int(found[2]) % 2 == 1
        return f'{_PHYSIQUE}.{found[1]}.{found[2]}.{("conv", "norm").index(found[3]) + upsampled}.{found[4]}'
    if found := re.fullmatch(r'output\.(\w+)', rest):
        return f'{_PHYSIQUE}.decoder.{decoder}.{found[1]}'
    return None


def _discriminator_name(rest: str, modules: int) -> str | None:
    if found := re.fullmatch(r'(keypoint|bone)_branch\.input\.(\w+)', rest):
        return f'{_JUDGE}.{_BRANCHES[found[1]]}_input_layer.{found[2]}'
    if found := re.fullmatch(r'(keypoint|bone)_branch\.residual\.(\d+)\.(first|second)\.(conv|norm)\.(.+)', rest):
        branch, module, order, layer, leaf = found.groups()
        return f'{_JUDGE}.{_BRANCHES[branch]}_gcn.{module}.{_LAYERS[layer]}{1 + (order == "second")}.{leaf}'
    if found := re.fullmatch(r'(keypoint|bone)_branch\.refine\.(conv|norm)\.(.+)', rest):
        return f'{_JUDGE}.{_BRANCHES[found[1]]}_gcn.{modules}.{_LAYERS[found[2]]}1.{found[3]}'
    if found := re.fullmatch(r'head\.(hidden|output)\.(\w+)', rest):
        return f'{_JUDGE}.header.layer{1 + (found[1] == "output")}.{found[2]}'
    return None
