from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.models import detection

from mmxas.io import UnsafeFileError
from mmxas.masks.torchvision_segmenter import MODEL, TorchvisionSegmenter, choose_instance


class Network(torch.nn.Module):
    """Mask R-CNN's interface: two people and a better dog."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, images):
        height, width = images[0].shape[1:]
        masks = torch.zeros(3, 1, height, width)
        masks[0, 0, 2:8, 2:8], masks[1, 0, 2:8, 12:18], masks[2] = 0.9, 0.8, 1.0
        return [dict(labels=torch.tensor([1, 1, 18]), scores=torch.tensor([0.5, 0.9, 0.99]), masks=masks)]


@pytest.fixture
def network(monkeypatch, tmp_path):
    """torchvision builds that network; its weights are in a file."""
    monkeypatch.setattr(detection, MODEL, lambda weights=None, weights_backbone=None: Network())
    torch.save(Network().state_dict(), tmp_path / 'weights.pth')
    return str(tmp_path / 'weights.pth')


def test_the_instance_of_the_box_is_chosen(network):
    segmenter = TorchvisionSegmenter(network, device='cpu')
    image = np.zeros((12, 20, 3), np.uint8)
    assert segmenter.segment(image, np.array([1, 1, 8, 8]))[2:8, 2:8].all()
    assert segmenter.segment(image)[2:8, 12:18].all(), 'the best score without a box'
    assert segmenter.segment(image, np.array([1, 9, 4, 12])).sum() == 0, 'none overlaps'
    assert TorchvisionSegmenter(network, category='dog').segment(image).all()
    assert not TorchvisionSegmenter(network, category='cat').segment(image).any()


def test_no_instance_is_no_choice():
    assert choose_instance(np.zeros((0, 4, 4), dtype=bool), np.zeros(0), None) is None


def test_offline_it_says_how_to_do_without(monkeypatch):
    def refuse(weights=None, weights_backbone=None):
        raise URLError('no route')

    monkeypatch.setattr(detection, MODEL, refuse)
    with pytest.raises(RuntimeError) as raised:
        TorchvisionSegmenter()
    text = str(raised.value)
    assert 'https://download.pytorch.org' in text and 'no route' in text and 'GrabCutSegmenter' in text


def test_wrong_files_and_categories(network, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.pth.*download\.pytorch'):
        TorchvisionSegmenter(str(tmp_path / 'absent.pth'))
    torch.save(dict(a=torch.zeros(2)), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth: not the weights'):
        TorchvisionSegmenter(str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match="category='unicorn'"):
        TorchvisionSegmenter(network, category='unicorn')


def test_weights_are_read_by_the_guarded_reader(network, tmp_path):
    torch.save({'layer.weight': bytearray(4)}, tmp_path / 'a.pth')
    with pytest.raises(UnsafeFileError, match=r'^\S*a\.pth: .*bytearray'):
        TorchvisionSegmenter(str(tmp_path / 'a.pth'))
    torch.save([1], tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'^\S*a\.pth: a checkpoint is a dict'):
        TorchvisionSegmenter(str(tmp_path / 'a.pth'))
