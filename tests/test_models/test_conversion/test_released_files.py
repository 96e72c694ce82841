import os
import re

import cv2
import numpy as np
import pytest
import torch
import torchvision
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from torch.nn import functional as F

from mmxas.compat.config_paths import config_path
from mmxas.models.conversion import convert_from_released, convert_to_released, read_checkpoint, released_names
from mmxas.registry import MODELS, TRANSFORMS

TOLERANCE = 1e-4
NETWORK = 'regressor.net.'


class Malicious:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ('touch pwned',)


@pytest.fixture
def released_file(released, tmp_path):
    torch.save(released, tmp_path / '00014_ckpt.pth.tar')
    return tmp_path / '00014_ckpt.pth.tar'


def test_files_there_and_back(released, released_file, small_config, tmp_path):
    convert_from_released(released_file, tmp_path / 'new' / 'a.pth', small_config)
    content = read_checkpoint(tmp_path / 'new' / 'a.pth')
    assert content['meta'] == dict(released_epochs=14, released_file='00014_ckpt.pth.tar')
    load_checkpoint(MODELS.build(small_config.model), str(tmp_path / 'new' / 'a.pth'), strict=True)
    convert_to_released(tmp_path / 'new' / 'a.pth', tmp_path / 'b.pth.tar', small_config, released_file)
    back = read_checkpoint(tmp_path / 'b.pth.tar')
    assert back['epochs'] == 14
    for name in ('unsup_model', 'unsup_disc'):
        assert back[name].keys() == released[name].keys()
        assert all(torch.equal(back[name][key], released[name][key]) for key in back[name])


def test_a_file_that_would_run_code_is_refused_and_runs_nothing(released, small_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({**released, 'optimizer_detector': Malicious()}, 'bad.pth.tar')
    with pytest.raises(ValueError, match=r'bad.pth.tar: names (posix|os).system, which no checkpoint needs'):
        convert_from_released('bad.pth.tar', 'out.pth', small_config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bad.pth.tar']


@pytest.mark.parametrize('content', [b'', b'not a checkpoint', b'PK\x03\x04 cut off', b'\x80\x02.'])
def test_no_checkpoint_at_all(content, tmp_path):
    (tmp_path / 'a.pth.tar').write_bytes(content)
    with pytest.raises(ValueError, match='a.pth.tar: (no checkpoint|not a checkpoint of PyTorch)'):
        read_checkpoint(tmp_path / 'a.pth.tar')


def test_a_file_that_is_cut_off(released_file):
    released_file.write_bytes(released_file.read_bytes()[:-500])
    with pytest.raises(ValueError, match='00014_ckpt.pth.tar: not a checkpoint of PyTorch, or not a whole one'):
        read_checkpoint(released_file)


def test_wrong_paths(released_file, small_config, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.pth: no such checkpoint file'):
        read_checkpoint(tmp_path / 'gone.pth')
    for convert in (convert_from_released, convert_to_released):
        with pytest.raises(ValueError, match='is the source itself'):
            convert(released_file, released_file, small_config)
    with pytest.raises(ValueError, match='no state_dict, which a checkpoint of mmxas has'):
        convert_to_released(released_file, tmp_path / 'b.pth.tar', small_config)


def test_nothing_is_left_of_a_failed_conversion(released, small_config, tmp_path):
    del released['unsup_disc']
    torch.save(released, tmp_path / 'a.pth.tar')
    with pytest.raises(ValueError, match=re.escape("no dictionary 'unsup_disc'")):
        convert_from_released(tmp_path / 'a.pth.tar', tmp_path / 'out.pth', small_config)
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth.tar']


# ------------------------------------------------- the released network, evaluated without any code of the package


def released_logits(state, images):
    """torchvision's ResNet-50 and the head's layers, by their released names: (N, 3, 256, 256) to (N, K·D, 64, 64)."""
    network = torchvision.models.resnet50().eval()
    backbone = {key.removeprefix(f'{NETWORK}backbone.'): value for key, value in state.items() if 'backbone' in key}
    missing = network.load_state_dict(backbone, strict=False)
    assert missing.missing_keys == ['fc.weight', 'fc.bias'] and not missing.unexpected_keys
    x = torch.nn.Sequential(*list(network.children())[:-2])(images)
    head = {key.removeprefix(f'{NETWORK}head.features.'): value for key, value in state.items() if 'features' in key}
    for i in (0, 3, 6):
        x = F.conv_transpose2d(x, head[f'{i}.weight'], stride=2, padding=1)
        norm = [head[f'{i + 1}.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')]
        x = F.batch_norm(x, *norm).relu()
    return F.conv2d(x, head['9.weight'], head['9.bias'])


def equations_2_to_6(logits, keypoints, bins, hypotheses, half_window):
    """Poses (H, K, 3) of one volume in the released frame, NaN where a keypoint has fewer peaks."""
    volume = logits.view(keypoints, bins, *logits.shape[-2:]).double()
    probability = volume.flatten(1).softmax(-1).view(volume.shape)  # equation 2's sigma
    height, width = volume.shape[-2:]
    poses = torch.full((hypotheses, keypoints, 3), float('nan'), dtype=torch.double)
    poses[..., 0] = (probability.sum((1, 2)) * torch.arange(width)).sum(-1) / width * 2 - 1  # equation 2
    poses[..., 1] = (probability.sum((1, 3)) * torch.arange(height)).sum(-1) / height * 2 - 1
    for k, profile in enumerate(probability.sum((2, 3)).tolist()):  # equation 3
        peaks = [i for i in range(1, bins - 1) if profile[i] >= max(profile[i - 1], profile[i + 1])]  # equation 4
        for h, peak in enumerate(sorted(peaks, key=lambda i: -profile[i])[:hypotheses]):  # equation 5
            window = range(max(peak - half_window, 0), min(peak + half_window + 1, bins))
            mean = sum(i * profile[i] for i in window) / sum(profile[i] for i in window)  # equation 6
            poses[h, k, 2] = mean / bins * 2 - 1
    return poses


@pytest.fixture(scope='module')
def released_config():
    cfg = Config.fromfile(config_path('xas_h36m_released.py'))
    cfg.model.backbone.init_cfg = None
    return cfg


@pytest.fixture(scope='module')
def full_checkpoint(released_config, tmp_path_factory):
    """Random weights of full size in the released layout."""
    generator = torch.Generator().manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        reference = MODELS.build(released_config.model).state_dict()
    content = dict(unsup_model={}, unsup_disc={}, epochs=14)
    for ours, (name, key) in released_names(reference).items():
        content[name][key] = _random_like(reference[ours], key, generator)
    path = tmp_path_factory.mktemp('released') / '00014_ckpt.pth.tar'
    torch.save(content, path)
    return path


def _random_like(tensor, key, generator):
    if not tensor.is_floating_point():
        return tensor
    if key.endswith('running_var') or tensor.dim() == 1 and key.endswith('weight'):
        return 0.5 + torch.rand(tensor.shape, generator=generator) / 2
    deviation = 0.2 if tensor.dim() == 1 else (2 / tensor[0].numel()) ** 0.5
    return (4 if 'features.9' in key else 1) * deviation * torch.randn(tensor.shape, generator=generator)


@pytest.mark.slow
def test_outputs_equal_those_of_the_released_network(released_config, full_checkpoint, tmp_path):
    """Equations 2 to 6 on the same crop, RGB / 255 without background, to 1e-4."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((256, 256), np.uint8)
    mask[40:220, 90:170] = 255
    convert_from_released(full_checkpoint, tmp_path / 'a.pth', released_config)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(released_config.model).eval()
    load_checkpoint(model, str(tmp_path / 'a.pth'), map_location='cpu', strict=True)
    pipeline = Compose([TRANSFORMS.build(step) for step in released_config.test_dataloader.dataset.pipeline])
    half = 128 / 1.25  # the pipeline's padding makes it the whole image
    box = np.array([[128 - half, 128 - half, 128 + half, 128 + half]], np.float32)
    sample = pipeline(dict(img=image.copy(), mask=mask, bbox=box, bbox_score=np.ones(1, np.float32)))
    with torch.no_grad():
        found = model.test_step(pseudo_collate([sample]))[0].pred_instances
        rgb = torch.from_numpy(image[..., ::-1] * (mask[..., None] > 0)).permute(2, 0, 1)[None].float() / 255
        logits = released_logits(torch.load(full_checkpoint, weights_only=True)['unsup_model'], rgb)
    expected = equations_2_to_6(logits[0], keypoints=18, bins=64, hypotheses=3, half_window=7).numpy()
    whole = ~np.isnan(expected[..., 2])
    assert whole.sum() > 40 and np.ptp(expected[whole][:, 2]) > 0.5, 'the weights give profiles of several peaks'
    np.testing.assert_array_equal(found.hypothesis_valid[0], whole)
    np.testing.assert_allclose(found.hypotheses_norm[0][whole], expected[whole], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found.keypoints[0, :, :2], (expected[0, :, :2] + 1) * 255 / 2, atol=256 * TOLERANCE)


@pytest.mark.slow
def test_a_full_checkpoint_converts_back_to_equal_tensors(released_config, full_checkpoint, tmp_path):
    convert_from_released(full_checkpoint, tmp_path / 'a.pth', released_config)
    back = convert_to_released(tmp_path / 'a.pth', tmp_path / 'b.pth.tar', released_config)
    first = read_checkpoint(full_checkpoint)
    for name in ('unsup_model', 'unsup_disc'):
        assert back[name].keys() == first[name].keys()
        assert all(torch.equal(back[name][key], value) for key, value in first[name].items())


def test_a_file_without_body_model_buffers_gives_none(released, released_file, small_config, tmp_path):
    convert_from_released(released_file, tmp_path / 'a.pth', small_config)
    for name in ('unsup_model', 'unsup_disc'):
        del released[name]['smpl_layer.th_v_template']
    torch.save(released, tmp_path / 'bare.pth.tar')
    with pytest.raises(ValueError, match=r'bare.pth.tar: no smpl_layer.\* buffers in unsup_model and unsup_disc'):
        convert_to_released(tmp_path / 'a.pth', tmp_path / 'b.pth.tar', small_config, tmp_path / 'bare.pth.tar')
    assert not (tmp_path / 'b.pth.tar').exists()
