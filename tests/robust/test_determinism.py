"""The same seed gives the same bytes, whatever the number of workers, the order, or what else draws numbers."""
import hashlib
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmxas.registry import DATASETS
from mmxas.synthesis import PairGenerator

from .children import FULL, GENERATOR, RENDER, Child

KIND = 'determinism'
PARTS = ('image', 'mask', 'keypoints_cam', 'K', 'bbox', 'pose', 'betas')
TARGET = dict(GENERATOR, pose_source=dict(type='MocapPoses', clips=['walk', 'run']),
              appearance=dict(type='PaintedClothes'),
              background=dict(type='PhotoBackground'))


def digest(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def disturb() -> None:
    """Draw from every global generator."""
    random.random()
    np.random.rand(3)
    torch.rand(3)


@pytest.fixture(scope='module', params=['synthetic', 'target'])
def pairs(request):
    """A pair from a generator, from another that drew before and was disturbed, and its neighbour."""
    cfg = dict(synthetic=GENERATOR, target=TARGET)[request.param]
    first, second = (PairGenerator.from_config(cfg, seed=3) for _ in range(2))
    alone = first.generate(4)
    for index in (7, 0, 4):
        disturb()
        again = second.generate(index)
    return alone, again, second.generate(5), PairGenerator.from_config(cfg, seed=4).generate(4)


@pytest.mark.parametrize('part', PARTS)
def test_a_pair_is_a_function_of_seed_and_index(part, pairs):
    alone, again, neighbour, other = (np.asarray(getattr(pair, part)) for pair in pairs)
    assert alone.dtype == again.dtype and alone.tobytes() == again.tobytes()
    if part in ('image', 'keypoints_cam', 'bbox'):
        assert alone.tobytes() != neighbour.tobytes() and alone.tobytes() != other.tobytes()


@pytest.fixture(scope='module')
def rendered(tmp_path_factory) -> Path:
    """Six pairs, rendered in one process."""
    folder = tmp_path_factory.mktemp('rendered')
    Child('render', folder / 'log', root=str(folder / 'set')).check()
    return folder / 'set'


@pytest.mark.robust
@pytest.mark.parametrize('workers', [1, 2, 3])
def test_a_rendered_set_and_workers(workers, rendered, tmp_path):
    Child('render', tmp_path / 'log', root=str(tmp_path / 'set'), workers=workers).check()
    files = sorted(path.name for path in rendered.iterdir())
    assert files == sorted(path.name for path in (tmp_path / 'set').iterdir())
    assert all(digest(rendered / name) == digest(tmp_path / 'set' / name) for name in files)


@pytest.mark.robust
def test_a_conversion_twice(tmp_path):
    for name in ('a', 'b'):
        Child('convert', tmp_path / 'log', root=str(tmp_path / name)).check()
    files = sorted(path.relative_to(tmp_path / 'a') for path in (tmp_path / 'a').rglob('*') if path.is_file())
    assert len(files) == 10
    assert all(digest(tmp_path / 'a' / name) == digest(tmp_path / 'b' / name) for name in files)


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> dict:
    """Weights of a training, and where it was."""
    folder = tmp_path_factory.mktemp('trained')
    Child('train', folder / 'log', work_dir=str(folder / 'a'), out=str(folder / 'out.pth'), **TRAINING).check()
    return torch.load(folder / 'out.pth')


TRAINING = dict(kind='XASPoseEstimator', train_cfg=dict(stages=[dict(RENDER, epochs=3), dict(FULL, epochs=3)]))
CHANGES = {
    'nothing': {}, 'one worker': dict(workers=1), 'two workers': dict(workers=2), 'three workers': dict(workers=3),
    'checkpoints at other times': dict(interval=1), 'no checkpoint': dict(interval=1000),
    'gradients in the log': dict(model=dict(grad_log_interval=1)), 'another folder': {},
    'a hook that draws numbers': dict(custom_hooks=[dict(type='DrawNumbers')]),
    'another window of the log': dict(log_processor=dict(window_size=1)),
}


@pytest.mark.robust
@pytest.mark.parametrize('change', CHANGES)
def test_training_to_the_same_bits(change, trained, tmp_path):
    folder = tmp_path / 'a folder' / 'deeper' if change == 'another folder' else tmp_path / 'b'
    Child('train', tmp_path / 'log', work_dir=str(folder), out=str(tmp_path / 'out.pth'), **{**TRAINING,
                                                                                             **CHANGES[change]}).check()
    found = torch.load(tmp_path / 'out.pth')
    assert [name for name in trained if not torch.equal(trained[name], found[name])] == []


@pytest.mark.robust
def test_another_seed_is_another_training(trained, tmp_path):
    Child('train', tmp_path / 'log', work_dir=str(tmp_path / 'b'), out=str(tmp_path / 'out.pth'),
          randomness=dict(seed=1),
          **TRAINING).check()
    found = torch.load(tmp_path / 'out.pth')
    assert not any(torch.equal(trained[name], found[name]) for name in trained if name.endswith('layer.weight'))


@pytest.mark.parametrize('transform', ['RandomFlip', 'ColorJitter', 'crop'])
def test_an_augmented_sample_is_a_function_of_its_key(transform, tmp_path):
    import cv2

    from mmxas.datasets.samplers import seeded
    cv2.imwrite(str(tmp_path / 'a.png'), np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8))
    steps = {'RandomFlip': [dict(type='RandomFlip', direction='horizontal', prob=0.5)],
             'ColorJitter': [dict(type='PhotometricDistortion')], 'crop': []}[transform]
    pipeline = [dict(type='LoadXASImage'), dict(type='GetBBoxCenterScale'), *(
        [dict(type='RandomBBoxTransform')] if transform == 'crop' else []), *steps,
        dict(type='SquareCropAffine', input_size=(32, 32)), dict(type='PackXASInputs')]
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(dict(type='ImageFolderDataset', data_root=str(tmp_path), pipeline=pipeline,
                                      skeleton='h36m18'))
    found = []
    for key in range(12):
        versions = []
        for _ in range(2):
            disturb()
            with seeded(0, key, 0):
                versions.append(dataset[0]['inputs'])
        assert torch.equal(*versions)
        found.append(hashlib.sha256(versions[0].numpy().tobytes()).hexdigest())
    assert len(set(found)) > 1
