import os
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from mmxas.io import UnsafeFileError
from mmxas.masks.sam import PACKAGE, SITE, SAMSegmenter, find_weights


class Predictor:
    """Segment Anything's interface: fills the box that it is given."""

    def __init__(self, network):
        self.network, self.boxes = network, []

    def set_image(self, image):
        self.image = image

    def predict(self, box, multimask_output):
        self.boxes.append(box)
        mask = np.zeros(self.image.shape[:2], dtype=bool)
        x0, y0, x1, y1 = box.astype(int)
        mask[y0:y1 + 1, x0:x1 + 1] = True
        mask[0, 0] = True
        return mask[None], np.ones(1), None


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package of that name, and a file of weights."""
    module = ModuleType('segment_anything')
    module.SamPredictor, module.sam_model_registry = Predictor, {'vit_b': lambda: torch.nn.Linear(2, 1)}
    monkeypatch.setitem(sys.modules, 'segment_anything', module)
    torch.save(torch.nn.Linear(2, 1).state_dict(), tmp_path / 'sam_vit_b_01ec64.pth')
    monkeypatch.setenv('MMXAS_SAM_WEIGHTS', str(tmp_path))
    return tmp_path


def test_the_box_alone_is_the_prompt(package):
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0] = 9
    segmenter = SAMSegmenter(model='vit_b', device='cpu')
    mask = segmenter.segment(image, np.array([4, 5, 10, 9]))
    assert mask.dtype == bool and mask[5:9, 4:10].all() and mask.sum() == 6 * 4 + 1
    assert segmenter.predictor.boxes[0].tolist() == [4, 5, 9, 8], 'pixel centres'
    assert segmenter.predictor.image[0, 0].tolist() == [0, 0, 9], 'RGB'
    assert SAMSegmenter(model='vit_b', single=True).segment(image, np.array([4, 5, 10, 9])).sum() == 24
    with pytest.raises(ValueError, match='there is none for this image'):
        segmenter.segment(image)


def test_it_says_where_it_looked_and_where_to_get_weights(monkeypatch, tmp_path):
    monkeypatch.setenv('MMXAS_SAM_WEIGHTS', str(tmp_path))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as raised:
        SAMSegmenter()
    text = str(raised.value)
    assert f'{tmp_path}/sam_vit_h_4b8939.pth' in text and 'data/weights/sam_vit_h_4b8939.pth' in text
    assert f'{tmp_path}/torch/hub/checkpoints' in text and f'{SITE}sam_vit_h_4b8939.pth' in text
    assert 'GrabCutSegmenter' in text
    with pytest.raises(FileNotFoundError, match=r'looked for my\.pth\. Get'):
        find_weights('my.pth', 'vit_l')
    with pytest.raises(ValueError, match="model='vit_x'"):
        find_weights(None, 'vit_x')


def test_without_the_package_its_command_is_named(package, monkeypatch):
    monkeypatch.setitem(sys.modules, 'segment_anything', None)
    with pytest.raises(ImportError) as raised:
        SAMSegmenter(model='vit_b')
    assert PACKAGE in str(raised.value)


def test_other_weights_are_refused(package):
    torch.save(torch.nn.Linear(3, 1).state_dict(), package / 'other.pth')
    with pytest.raises(ValueError, match=r"other\.pth: not the weights of Segment Anything 'vit_b'"):
        SAMSegmenter(checkpoint=str(package / 'other.pth'), model='vit_b')


class Calls:
    def __reduce__(self):
        return os.getcwd, ()


def test_weights_are_read_by_the_guarded_reader(package, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    torch.save({'weight': Calls()}, package / 'a.pth')
    with pytest.raises(UnsafeFileError, match=r'^\S*a\.pth: names posix.getcwd'):
        SAMSegmenter(checkpoint=str(package / 'a.pth'), model='vit_b')
    torch.save({'weight': bytearray(4)}, package / 'a.pth')
    with pytest.raises(UnsafeFileError, match=r'^\S*a\.pth: .*bytearray'):
        SAMSegmenter(checkpoint=str(package / 'a.pth'), model='vit_b')
