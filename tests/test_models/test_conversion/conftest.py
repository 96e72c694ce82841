"""A small estimator with the parts of the released one, and its checkpoint in the released layout."""
import pytest
import torch
from mmengine.config import Config

from mmxas.models.conversion import released_names
from mmxas.registry import MODELS


@pytest.fixture(scope='session')
def small_config() -> Config:
    """Thin networks with all of the released parts."""
    return Config(dict(default_scope='mmpose', model=dict(
        type='XASPoseEstimator', skeleton='h36m18',
        backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=4),
        head=dict(type='MultiHypothesisHead', in_channels=32, num_keypoints=18, depth_bins=4,
                  deconv_out_channels=(4, 4), deconv_kernel_sizes=(4, 4)),
        physique=dict(type='PhysiqueNetwork', channels=(2, 3)),
        discriminator=dict(type='GCNDiscriminator', skeleton='h36m18', width=4, head_channels=8, norm='graph',
                           self_loops=True),
        losses=dict(render=dict(type='SyntheticKeypointLoss')))))


@pytest.fixture(scope='session')
def reference(small_config) -> dict[str, torch.Tensor]:
    """State dict of the small estimator."""
    return MODELS.build(small_config.model).state_dict()


@pytest.fixture
def released(reference) -> dict:
    """Content of a released checkpoint with other weights, body model buffers and optimizer states."""
    generator = torch.Generator().manual_seed(3)
    content: dict = dict(epochs=14, optimizer_detector=dict(state={}), optimizer_discriminator=dict(state={}),
                         unsup_model={}, unsup_disc={})
    for ours, (name, key) in released_names(reference).items():
        tensor = reference[ours]
        content[name][key] = torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() \
            else torch.full_like(tensor, 7)
    for name in ('unsup_model', 'unsup_disc'):
        content[name]['smpl_layer.th_v_template'] = torch.randn(1, 5, 3, generator=generator)
    return content
