"""Each config's model computes on one device, and the CPU hardly waits for it; no card is needed."""
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from test_models.conftest import estimator_config
from torch import nn

from mmxas.ops import skeleton_drawing
from mmxas.ops.kernels.products import pointwise_convolution
from mmxas.registry import MODELS
from on_cuda.fake_device import Waits, imagined_gpu, losses_of, move, pinned

ROOT = Path(__file__).parents[2]
CONFIGS = sorted([*ROOT.glob('configs/*.py'), *ROOT.glob('projects/*/configs/*.py')])
SIZE, PAIRS = 64, 2


def batch_of(keypoints: int, flip_indices: list[int]) -> dict:
    """Targets and synthetic samples as ``collate_pairs`` gives them, pinned."""
    samples = []
    for domain in ['target'] * PAIRS + ['synthetic'] * PAIRS:
        sample = PoseDataSample(metainfo=dict(domain=domain, flip_indices=flip_indices, input_size=(SIZE, SIZE)))
        sample.gt_instance_labels = InstanceData(keypoint_norm=np.zeros((1, keypoints, 3), np.float32),
                                                 keypoint_weights=np.ones((1, keypoints), np.float32))
        sample.gt_fields = PixelData(mask=np.ones((1, SIZE, SIZE), np.float32))
        samples.append(sample)
    return dict(inputs=pinned(torch.empty(2 * PAIRS, 3, SIZE, SIZE, dtype=torch.uint8)), data_samples=samples)


@cache
def model_of(text: str) -> nn.Module:
    """The model of a config, without its file of weights."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(json.loads(text))


@cache
def waits_in(text: str, weights: str | None) -> Counter[str]:
    """What the CPU waits for in a stage's losses, or in testing (no weights)."""
    model = model_of(text)
    with imagined_gpu() as waits:
        move(model)
        waits.at.clear()
        batch = batch_of(model.head.num_keypoints, model.skeleton.flip_indices)
        if weights is not None:
            losses = losses_of(model, json.loads(weights), batch)
            assert losses and {loss.device.type for loss in losses.values()} == {'cuda'}
            return waits.at
        with torch.no_grad():
            model.eval()
            del batch['data_samples'][0].gt_fields  # no mask was found
            data = model.data_preprocessor(batch, False)
            views = model.test_views(**data)
            features = model.test_features(views, data['data_samples'])
            logits = model.head.test_volume(features, data['data_samples'], model.test_cfg)
            assert {x.device.type for x in model.head.decode_volume(logits, model.test_cfg)[0]} == {'cuda'}
        return waits.at


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_fake_cuda_computes_a_configs_losses_on_one_device_and_reads_two_values_at_most(path):
    config = Config.fromfile(path)
    backbone = config.model.backbone
    backbone.update(dict(init_cfg=None) if 'init_cfg' in backbone else dict(pretrained=False))
    text = json.dumps(config.model.to_dict())
    for stage in config.train_cfg.stages:
        waits = waits_in(text, json.dumps(stage.loss_weights))
        assert 1 <= waits.total() <= 2, waits  # the order of channels (mmengine's), and whether all losses are finite
    waits = waits_in(text, None)
    assert waits.total() <= 2, waits  # the order of channels, and of mirrored keypoints


@pytest.fixture
def tiny():
    """An estimator of all terms."""
    preprocessor = dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3, non_blocking=True)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(estimator_config(data_preprocessor=preprocessor))


def tiny_losses(model: nn.Module) -> Counter[str]:
    """What it waits for."""
    with imagined_gpu() as waits:
        move(model)
        losses_of(model, dict(render=1.0, mask=1.0, adversarial=1.0), batch_of(18, list(range(18))))
    return waits.at


def test_fake_cuda_fails_where_a_tensor_is_built_on_the_cpu(tiny, monkeypatch):
    right = skeleton_drawing._pixel_positions
    monkeypatch.setattr(skeleton_drawing, '_pixel_positions', lambda *args: right(*args).cpu())
    with pytest.raises(RuntimeError, match='two different devices'):
        tiny_losses(tiny)


def test_fake_cuda_fails_where_a_constant_stays_behind(tiny):
    tiny.physique.register_forward_hook(lambda module, args, out: out * torch.ones(SIZE))
    with pytest.raises(RuntimeError, match='two different devices'):
        tiny_losses(tiny)


def test_fake_cuda_counts_what_a_module_reads(tiny):
    before = tiny_losses(tiny).total()
    tiny.physique.register_forward_hook(lambda module, args, out: out * float(out.detach().amax()))
    assert tiny_losses(tiny).total() == before + 1


def test_fake_cuda_counts_each_way_to_wait():
    ways = [lambda x: x.sum().item(), lambda x: bool(x.any()), lambda x: x[[0, 1]], lambda x: x[x > 0],
            lambda x: x.cpu(), lambda x: x.new_tensor([1.0, 2.0]),
            lambda x: torch.as_tensor([1, 2], device=x.device), lambda x: torch.zeros(3).to('cuda'),
            lambda x: torch.zeros(3).to('cuda', non_blocking=True)]
    with imagined_gpu() as waits:
        for count, way in enumerate(ways, start=1):
            way(torch.zeros(3, device='cuda'))
            assert waits.at.total() == count, waits.at
        pinned(torch.zeros(3)).to('cuda', non_blocking=True)
        torch.zeros(3, device='cuda')[1:] + 1.0
        torch.zeros(3)[[0, 1]].sum().item()
        assert waits.at.total() == len(ways), waits.at


class _Products(Waits):
    """Which operators multiply."""

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        self.at[str(operator)] += 1
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize('half', [False, True])
def test_fake_cuda_convolves_in_single_precision_where_tf32_is_allowed(half, monkeypatch):
    monkeypatch.setattr(torch, 'is_autocast_enabled', lambda device: half)  # no autocast without a card
    with imagined_gpu(), _Products() as products:
        features, weight = torch.empty(2, 4, 8, 8, device='cuda'), torch.empty(6, 4, 1, 1, device='cuda')
        maps = pointwise_convolution(features.to(memory_format=torch.channels_last), weight, weight[:, 0, 0, 0])
    assert maps.is_contiguous() and maps.shape == (2, 6, 8, 8)
    assert ('aten.convolution.default' in products.at, 'aten.baddbmm.default' in products.at) == (not half, half)
