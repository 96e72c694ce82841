import sys

import numpy as np
import pytest
import torch

from mmxas.synthesis.renderers import EmbreeRenderer, PyTorch3DRenderer

SIZE = (72, 64)


@pytest.fixture(scope='module')
def both(body):
    pytest.importorskip('pytorch3d', reason='pytorch3d is an optional extra')
    vertices = np.asarray(body.v_template) * [1000, -1000, -1000]
    turn = np.deg2rad(35)
    vertices = vertices @ np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    vertices = (vertices + [100, -250, 3000]).astype(np.float32)
    K = np.array([[95.0, 0, 30.2], [0, 96.0, 44.7], [0, 0, 1]])
    colors = np.linspace(0, 1, vertices.size).reshape(vertices.shape)
    return [renderer.render(vertices, body.faces, colors, K, SIZE, labels=body.part_labels)
            for renderer in (EmbreeRenderer(supersample=1), PyTorch3DRenderer(device='cpu'))]


def test_masks_agree(both):
    embree, pytorch3d = both
    assert embree.mask.sum() > 400
    assert (embree.mask & pytorch3d.mask).sum() / (embree.mask | pytorch3d.mask).sum() >= 0.98


def test_depths_agree(both):
    embree, pytorch3d = both
    common = embree.mask & pytorch3d.mask
    difference = np.abs(embree.depth - pytorch3d.depth)[common]
    assert difference.mean() <= 5 and np.median(difference) <= 0.5


def test_colours_and_parts_agree(both):
    embree, pytorch3d = both
    common = embree.mask & pytorch3d.mask
    assert np.abs(embree.rgb.astype(int) - pytorch3d.rgb)[common].mean() < 2
    assert (embree.parts == pytorch3d.parts)[common].mean() > 0.97


def test_missing_pytorch3d_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pytorch3d.structures', None)
    vertices, faces = np.array([[0, 0, 1.0], [1, 0, 1], [0, 1, 1]]), np.array([[0, 2, 1]])
    with pytest.raises(ImportError, match='easypytorch3d.*EmbreeRenderer'):
        PyTorch3DRenderer(device='cpu').render(vertices, faces, np.ones((3, 3)), np.eye(3), (4, 4))


def test_it_says_whether_it_works_on_a_gpu(monkeypatch):
    assert not EmbreeRenderer().on_gpu and not PyTorch3DRenderer(device='cpu').on_gpu
    assert PyTorch3DRenderer(device='cuda:1').on_gpu
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert PyTorch3DRenderer().on_gpu
