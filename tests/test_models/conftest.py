"""A detector small enough for a test, and batches for it."""
import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

SIZE, KEYPOINTS = 32, 18


@MODELS.register_module(force=True)
class OneConvolution(BaseModule):
    """The smallest backbone."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, channels, 3, stride=4, padding=1)

    def forward(self, inputs):
        return (self.layer(inputs).relu(), )


def estimator_config(**changes) -> dict:
    """Config of an estimator with all of the method's parts."""
    config = dict(
        type='XASPoseEstimator', skeleton='h36m18', backbone=dict(type='OneConvolution'),
        head=dict(type='MultiHypothesisHead', in_channels=8, num_keypoints=KEYPOINTS, depth_bins=8,
                  decoder=dict(type='NormCodec', decoding=dict(window=3)),
                  deconv_out_channels=(), deconv_kernel_sizes=(),
                  init_cfg=dict(type='Normal', layer='Conv2d', std=0.5)),
        physique=dict(type='PhysiqueNetwork', channels=(2, 4, 4)),
        discriminator=dict(type='GCNDiscriminator', width=16, head_channels=32, dropout=0.0),
        losses=dict(render=dict(type='SyntheticKeypointLoss'), mask=dict(type='MaskLoss'),
                    adversarial=dict(type='WTAAdversarialLoss')),
        grad_log_interval=0)
    config.update(changes)
    return config


def data_sample(domain: str, seed: int, labelled: bool = True) -> PoseDataSample:
    """A sample with everything that a domain's pipeline gives."""
    rng = np.random.default_rng(seed)
    sample = PoseDataSample(metainfo=dict(
        domain=domain, img_path=f'{domain}_{seed}.jpg', input_size=(SIZE, SIZE), rect_3d_width=2000.0,
        input_center=np.array([100.0, 50.0]), input_scale=np.array([64.0, 64.0]),
        flip_indices=load_skeleton('h36m18').flip_indices))
    sample.gt_instances = InstanceData(bboxes=np.array([[68.0, 18, 132, 82]]), bbox_scores=np.ones(1))
    mask = np.zeros((1, SIZE, SIZE), np.float32)
    mask[:, 8:24, 12:20] = 1
    sample.gt_fields = PixelData(mask=torch.from_numpy(mask))
    if labelled:
        sample.gt_instance_labels = InstanceData(
            keypoint_norm=torch.from_numpy(rng.uniform(-0.8, 0.8, (1, KEYPOINTS, 3)).astype(np.float32)),
            keypoint_weights=torch.ones(1, KEYPOINTS))
    return sample


@pytest.fixture
def batch():
    """Three targets without labels, three synthetic samples: (inputs, data samples)."""
    generator = torch.Generator().manual_seed(0)
    samples = [data_sample('target', i, labelled=False) for i in range(3)]
    samples += [data_sample('synthetic', i) for i in range(3)]
    return torch.randn(6, 3, SIZE, SIZE, generator=generator), samples


@pytest.fixture
def make_estimator():
    """Builder of seeded estimators: ``make_estimator(**changes)``."""

    def make(**changes):
        torch.manual_seed(0)
        model = MODELS.build(estimator_config(**changes))
        model.init_weights()
        return model.train()

    return make
