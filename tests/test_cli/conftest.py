"""Fixtures for the tests of the subcommands."""
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import pytest
import torch

from mmxas.models.conversion import released_names
from mmxas.registry import MODELS

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmxas'], allow_failed_imports=False)
model = dict(
    type='XASPoseEstimator', skeleton='h36m18',
    backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=4),
    head=dict(type='MultiHypothesisHead', in_channels=32, num_keypoints=18, depth_bins=4, deconv_out_channels=(4, ),
              deconv_kernel_sizes=(4, )),
    physique=dict(type='PhysiqueNetwork', channels=(2, 3)),
    discriminator=dict(type='GCNDiscriminator', skeleton='h36m18', width=4, head_channels=8))
"""


@pytest.fixture
def load_command() -> Callable[[str], ModuleType]:
    """Imports the module of a subcommand."""
    return lambda name: import_module(f'mmxas.cli.{name}')


@pytest.fixture
def run_command(load_command, monkeypatch) -> Callable[..., int | None]:
    """Runs a subcommand in this process with the arguments of a command line; its errors are raised."""

    def run(name: str, *arguments) -> int | None:
        module = load_command(name)
        monkeypatch.setenv('LOCAL_RANK', '0')
        return module.run(module.parse_args([str(argument) for argument in arguments]))

    return run


@pytest.fixture
def small_config(tmp_path):
    """File of a config with small networks."""
    path = tmp_path / 'small.py'
    path.write_text(CONFIG)
    return path


@pytest.fixture
def released(small_config, tmp_path):
    """File in the released layout."""
    scope: dict = {}
    exec(CONFIG, scope)
    state = MODELS.build(scope['model']).state_dict()
    faces = {'smpl_layer.th_faces': torch.zeros(2, 3)}
    content = dict(unsup_model=dict(faces), unsup_disc=dict(faces),
                   epochs=14, optimizer_detector={})
    for ours, (name, key) in released_names(state).items():
        content[name][key] = state[ours]
    torch.save(content, tmp_path / 'a.pth.tar')
    return tmp_path / 'a.pth.tar'
