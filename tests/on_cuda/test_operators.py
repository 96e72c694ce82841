"""Operators and networks on a GPU: values and gradients against the CPU's, in single precision and in double."""
import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from mmxas.models.discriminators import GCNDiscriminator, MLPDiscriminator
from mmxas.models.physique import PhysiqueNetwork
from mmxas.ops import (
    Decoding,
    bone_symmetry,
    centre_triples,
    decode_hypotheses,
    discriminator_loss,
    draw_skeleton,
    facing_direction,
    facing_loss,
    generator_loss,
    keypoint_loss,
    keypoint_symmetry,
    marginal_cross_entropy,
    mask_loss,
    side_bone_pairs,
)
from mmxas.ops.kernels.products import linear, pointwise_convolution
from mmxas.structures import load_skeleton
from mmxas.synthesis.renderers import EmbreeRenderer, PyTorch3DRenderer

pytestmark = [pytest.mark.cuda, pytest.mark.usefixtures('without_tf32')]
SKELETON = load_skeleton('h36m18')
SIDES = side_bone_pairs(SKELETON.parents, SKELETON.flip_pairs)
TRIPLES = centre_triples(SKELETON.parents, SKELETON.flip_pairs)
K = SKELETON.num_keypoints


def decoded(logits, **options):
    """Keypoints and scores."""
    found = decode_hypotheses(logits, K, Decoding(**options))
    return torch.cat([found.keypoints.flatten(), found.scores.flatten()])


def drawn(points):
    """The skeleton mask."""
    return draw_skeleton(points, SKELETON.drawn_links, 64, width_factors=SKELETON.width_factors)


VOLUME, POSES, TARGET, MASKS = (4, K * 16, 12, 12), (4, 3, K, 3), (4, K, 3), (4, 1, 64, 64)
# Function and the shapes of its arguments, all of which have a gradient.
OPERATORS = {
    'decode': (decoded, [VOLUME]), 'decode in a window': (lambda x: decoded(x, xy_window=5), [VOLUME]),
    'decode channels-last': (lambda x: decoded(x.contiguous(memory_format=torch.channels_last)), [VOLUME]),
    'cross-entropy': (lambda x, y: marginal_cross_entropy(x, y, K), [VOLUME, TARGET]),
    'skeleton mask': (drawn, [(4, K, 2)]), 'mask loss': (mask_loss, [MASKS, MASKS]),
    **{f'keypoint loss by {level}': (lambda x, y, level=level: keypoint_loss(x, y, level=level), [POSES, TARGET])
       for level in ('sample', 'keypoint', 'batch')},
    'generator': (generator_loss, [(8, 3)]), 'discriminator': (discriminator_loss, [(8, 3), (8, 1)]),
    'equal bones': (lambda x: bone_symmetry(x, SIDES), [POSES]),
    'centred pairs': (lambda x: keypoint_symmetry(x, TRIPLES), [POSES]),
    'facing': (lambda x, y: facing_loss(x, facing_direction(y, SKELETON.flip_pairs)), [(4, 2), TARGET]),
    'linear': (linear, [(5, 7, 16), (8, 16), (8, )]),
    'pointwise': (pointwise_convolution, [(2, 16, 8, 8), (24, 16, 1, 1), (24, )]),
}
NETWORKS = {
    'physique': (lambda: PhysiqueNetwork((4, 8)), MASKS),
    'MLP': (lambda: MLPDiscriminator(num_keypoints=K).eval(), TARGET),
    'GCN': (lambda: GCNDiscriminator(SKELETON, width=32, dropout=0.0), TARGET),
}


def values_and_gradients(function, arguments: list, device: str, dtype: torch.dtype) -> list[np.ndarray]:
    """Of a fixed sum of the result."""
    leaves = [argument.to(device, dtype).detach().requires_grad_() for argument in arguments]
    result = function(*leaves)
    weights = torch.linspace(-1.0, 1.0, result.numel(), dtype=torch.float64).to(device, dtype)
    parameters = list(function.parameters()) if isinstance(function, nn.Module) else []
    gradients = torch.autograd.grad((result.flatten() * weights).sum(), leaves + parameters)
    return [x.detach().double().cpu().numpy() for x in (result, *gradients)]


def compare(function_of, arguments: list) -> None:
    """A GPU is as near to double precision as the CPU is, up to a factor, and as itself in double precision."""
    exact, single, gpu, gpu_exact = (
        values_and_gradients(function_of(device, dtype), arguments, device, dtype) for device, dtype in (
            ('cpu', torch.float64), ('cpu', torch.float32), ('cuda', torch.float32), ('cuda', torch.float64)))
    for wanted, on_cpu, on_gpu, twice in zip(exact, single, gpu, gpu_exact, strict=True):
        scale = np.abs(wanted).max() + 1e-12
        assert np.abs(twice - wanted).max() <= 1e-10 * scale
        assert np.abs(on_gpu - wanted).max() <= 8 * np.abs(on_cpu - wanted).max() + 1e-5 * scale


def examples(shapes: list) -> list[torch.Tensor]:
    """Random arguments; volumes with clear peaks."""
    generator = torch.Generator().manual_seed(0)
    return [(3.0 if shape == VOLUME else 0.3) * torch.randn(shape, generator=generator, dtype=torch.float64)
            for shape in shapes]


@pytest.mark.parametrize('name', OPERATORS)
def test_operators(name):
    function, shapes = OPERATORS[name]
    compare(lambda device, dtype: function, examples(shapes))


@pytest.mark.parametrize('name', NETWORKS)
def test_networks(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = build()
    compare(lambda device, dtype: copy.deepcopy(network).to(device, dtype), examples([shape]))


def test_gradients_are_those_of_differences():
    logits = torch.randn(2, 2 * 5, 3, 4, dtype=torch.float64, device='cuda', requires_grad=True)
    assert gradcheck(lambda x: decode_hypotheses(x, 2, Decoding(2, window=3)).keypoints, logits)
    points = (torch.rand(2, 3, 2, dtype=torch.float64, device='cuda') - 0.5).requires_grad_()
    assert gradcheck(lambda x: draw_skeleton(x, [(0, 1), (1, 2)], 6, width=0.05), points)


def test_operators_give_the_same_bits_twice(deterministic):
    for function, shapes in OPERATORS.values():
        arguments = examples(shapes)
        once, twice = (values_and_gradients(function, arguments, 'cuda', torch.float32) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(once, twice, strict=True))


def test_pytorch3ds_renderer_draws_what_embrees_does():
    pytest.importorskip('pytorch3d', reason='pytorch3d is an optional extra')
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rim = np.stack([500 * np.cos(angle), 300 * np.sin(angle), np.full(24, 3000.0)], axis=1)
    vertices = np.concatenate([rim, [[40.0, -30.0, 2600.0]]]).astype(np.float32)
    faces = np.array([[24, (i + 1) % 24, i] for i in range(24)])
    matrix = np.array([[190.0, 0, 64], [0, 190, 60], [0, 0, 1]])
    colors = np.random.default_rng(0).random((25, 3))
    one, two = (renderer.render(vertices, faces, colors, matrix, (128, 128))
                for renderer in (EmbreeRenderer(supersample=1), PyTorch3DRenderer(device='cuda')))
    common = one.mask & two.mask
    assert common.sum() >= 0.98 * (one.mask | two.mask).sum() > 1000
    assert np.median(np.abs(one.depth - two.depth)[common]) < 0.5
