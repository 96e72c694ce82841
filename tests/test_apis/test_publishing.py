import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open
from tiny_zoo import METAFILE

from mmxas.apis import XASInferencer, find_model
from mmxas.apis.publishing import publish, published_tensors, stored_tensor, to_bytes, with_fields


@pytest.fixture
def checkpoint(small_detector, tmp_path):
    """The small detector's checkpoint, with statistics that float16 cannot hold."""
    state = {name: tensor.clone() for name, tensor in small_detector.model.state_dict().items()}
    name = next(name for name in state if name.startswith('physique') and name.endswith('running_var'))
    state[name].fill_(123456.78)
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'epoch_1.pth')
    return tmp_path / 'epoch_1.pth', name


def listed_config(zoo):
    """The config of the zoo's first model."""
    return Config.fromfile(zoo / 'configs' / 'config.py')


def test_numbers_are_halved_but_statistics_and_counts():
    values = torch.tensor([0.1, -3.0])
    half = stored_tensor('head.weight', values)
    assert half.dtype is torch.float16 and half.tolist() == [0.0999755859375, -3.0]
    assert stored_tensor('bn.running_var', torch.tensor([1e-9, 1e6])).tolist() == torch.tensor([1e-9, 1e6]).tolist()
    assert stored_tensor('bn.num_batches_tracked', torch.tensor(70000)).item() == 70000
    for wrong in (70000.0, float('nan')):
        with pytest.raises(ValueError, match='head.bias: values up to (70000|nan); float16 holds finite values up'):
            stored_tensor('head.bias', torch.tensor([wrong]))


def test_the_stored_file_predicts_what_the_checkpoint_does(zoo, checkpoint, small_detector, image, monkeypatch):
    """By equation 2: with untrained weights, rounding may move the peak that a window lies around."""
    done = publish(checkpoint[0], listed_config(zoo), 'small')
    assert done.path == zoo / 'mmxas' / 'weights' / 'small.safetensors' and done.left_out == ()
    model = find_model('small')
    assert model.name == 'tiny' and model.require_weights() == done.path
    stored = XASInferencer('small', device='cpu')
    poses = []
    for inferencer in (small_detector, stored):
        monkeypatch.setitem(inferencer.model.test_cfg, 'decoding', dict(xy_window=None))
        (result, ) = inferencer(image, bboxes=[[10, 10, 90, 100], [20, 0, 150, 120]], return_datasamples=True)
        poses.append(result['predictions'][0].pred_instances.keypoints[..., :2])
    difference = np.abs(poses[0] - poses[1])
    assert 0 < difference.max() < 0.5  # px of crops of 112 and 162 px; sharp random peaks move more than trained ones
    with safe_open(done.path, 'pt') as file:
        assert file.get_tensor(checkpoint[1])[0].item() == pytest.approx(123456.78)
        assert json.loads(file.metadata()['mmxas']) == dict(config='config')


@pytest.mark.parametrize('name', ['../evil', 'a.b', ''])
def test_a_name_that_is_no_name_writes_nothing(zoo, checkpoint, name):
    before = sorted(zoo.rglob('*'))
    with pytest.raises(ValueError, match='letters, digits, _ and - expected in a name'):
        publish(checkpoint[0], listed_config(zoo), name)
    assert sorted(zoo.rglob('*')) == before


@pytest.mark.parametrize('name', ['123', 'no', '1e5'])
def test_a_name_that_yaml_would_read_as_something_else_is_found_again(zoo, checkpoint, name):
    publish(checkpoint[0], listed_config(zoo), name)
    assert find_model(name).aliases == (name, )


def test_the_same_checkpoint_gives_the_same_file(zoo, checkpoint, small_detector):
    first = publish(checkpoint[0], listed_config(zoo), 'small')
    text = (zoo / 'metafile.yml').read_text()
    assert publish(checkpoint[0], listed_config(zoo), 'small') == first
    assert (zoo / 'metafile.yml').read_text() == text


def test_what_only_training_needs_is_left_out_of_a_large_file(small_detector):
    state = small_detector.model.state_dict()
    whole, left_out = published_tensors(small_detector.model, state)
    assert left_out == () and set(whole) == set(state)
    size = len(to_bytes(whole, ''))
    smaller, left_out = published_tensors(small_detector.model, state, size - 1)
    assert left_out == ('discriminator', ) and len(to_bytes(smaller, '')) < size
    detector, left_out = published_tensors(small_detector.model, state, len(to_bytes(smaller, '')) - 1)
    assert left_out == ('discriminator', 'physique')
    assert {name.partition('.')[0] for name in detector} == {'backbone', 'neck', 'head'}
    with pytest.raises(ValueError, match='the detector alone has [0-9]+ bytes in half precision, at most 1000'):
        published_tensors(small_detector.model, state, 1000)


def test_an_entry_gets_its_fields_and_the_rest_stays():
    text = with_fields(METAFILE, 'tiny', dict(Alias='a', SHA256='1a'))
    assert text == METAFILE.replace('configs/config.py\n', 'configs/config.py\n  Alias: a\n  SHA256: 1a\n')
    assert with_fields(text, 'tiny', dict(Alias='a', SHA256='2a')) == text.replace('SHA256: 1a', 'SHA256: 2a')
    with pytest.raises(ValueError, match='no entry - Name: tin$'):
        with_fields(METAFILE, 'tin', {})
    with pytest.raises(ValueError, match='the entry a has no Config'):
        with_fields('Models:\n- Name: a\n', 'a', {})


def test_a_config_that_is_not_listed_or_a_name_that_is_taken_is_refused(zoo, checkpoint, tmp_path):
    config = listed_config(zoo)
    with pytest.raises(ValueError, match="'third' is a name of other in .*metafile.yml"):
        publish(checkpoint[0], config, 'third')
    config.dump(tmp_path / 'own.py')
    own = Config.fromfile(tmp_path / 'own.py')
    with pytest.raises(ValueError, match=r'own\.py: no metafile lists this config'):
        publish(checkpoint[0], own, 'own')
    assert not (zoo / 'mmxas' / 'weights').exists()
    done = publish(checkpoint[0], own, 'own', out=tmp_path / 'own.safetensors')
    assert done.metafile is None and (zoo / 'metafile.yml').read_text() == METAFILE
    assert XASInferencer(own, str(tmp_path / 'own.safetensors'), device='cpu').crop_size == 64


def test_another_detectors_checkpoint_writes_nothing(zoo, tmp_path):
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match="no tensor 'backbone"):
        publish(tmp_path / 'a.pth', listed_config(zoo), 'small')
    assert not (zoo / 'mmxas' / 'weights').exists() and (zoo / 'metafile.yml').read_text() == METAFILE
