"""The dog's configs: one skeleton throughout, groups that are the splits, both stages and the photos in little."""
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmxas.apis.configs import load_config
from mmxas.body_models import SMALBodyModel
from mmxas.cli.demo import run_demo
from mmxas.datasets.shared_parts import share_config
from mmxas.evaluation.mean_pose import load_mean_pose
from mmxas.registry import BODY_MODELS, METRICS, MODELS
from mmxas.structures import load_skeleton

ROOT = Path(__file__).parents[3]
CONFIGS = sorted((ROOT / 'projects/animal/configs').glob('*.py'))
SPLITS = json.loads((ROOT / 'projects/animal/data/dog_motion_splits.json').read_text())
PHOTOS = Path(os.environ.get('MMXAS_DATA_DIR') or ROOT / '../shared/data').resolve() / 'stanford_extra'
LITTLE = """
_base_ = '{base}'
model = dict(backbone=dict(pretrained=False), mask_size=24)
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(
    length=None,
    synthetic=dict(data_root='{root}/synthetic', num=4, generator=dict(image_size=48)),
    target=dict(data_root='{root}/motions', num=4, generator=dict(image_size=48))))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{root}/motions', num=4, generator=dict(image_size=48)))
test_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                       dataset=dict(data_root='{root}/motions', num=4, generator=dict(image_size=48)))
train_cfg = dict(stages=[
    dict(name='synthetic', epochs=1, lr=1e-3, loss_weights=dict(render=1.0, marginal=0.1, facing=0.1)),
    dict(name='full', epochs=1, lr=1e-4, loss_weights=dict(render=1.0, mask=0.1, adversarial=0.01))])
"""


def skeletons(node):
    """Every skeleton that a config names."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [value] if key == 'skeleton' else skeletons(value)
    elif isinstance(node, list):
        for value in node:
            yield from skeletons(value)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_one_skeleton_throughout(path):
    """Said once, at the model, and shared by everything that has one."""
    cfg = Config.fromfile(path)
    parts = {key: cfg[key] for key in (
        'model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')}
    assert set(skeletons({key: value.to_dict() for key, value in parts.items()})) == {'projects/animal/data/dog26.json'}
    share_config(cfg)
    shared = {key: list(skeletons(cfg[key].to_dict())) for key in parts}
    assert all(len(found) for found in shared.values()) and len(shared['train_dataloader']) >= 2
    assert set(sum(shared.values(), [])) == {'projects/animal/data/dog26.json'}
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        METRICS.build(evaluator)
    bodies = cfg.train_dataloader.dataset.synthetic.generator.body_model
    assert [body.type for body in bodies] == ['SMALBodyModel']


def test_the_groups_are_the_splits():
    cfg = Config.fromfile(ROOT / 'projects/animal/configs/xas_dog_motion.py')
    assert cfg.test_evaluator.groups == dict(held_out=SPLITS['test'], ood=SPLITS['ood'])
    assert cfg.test_dataloader.dataset.split == ('test', 'ood')


def test_both_recipes_differ_from_the_humans_in_nothing_but_the_dog():
    for name in ('motion', 'motion_full'):
        own = Config.fromfile(ROOT / f'projects/animal/configs/xas_dog_{name}.py')
        human = Config.fromfile(ROOT / f'configs/xas_{name.replace("motion", "mocap")}.py')
        for key in ('train_cfg', 'optim_wrapper', 'default_hooks', 'synthetic_pipeline', 'test_pipeline'):
            assert own[key] == human[key], key
        assert own.train_dataloader.dataset.length == human.train_dataloader.dataset.length
        assert own.model.backbone == human.model.backbone and own.model.neck == human.model.neck


def test_the_facing_comes_from_pairs_on_both_sides_of_the_trunk():
    cfg = Config.fromfile(ROOT / 'projects/animal/configs/xas_dog_motion.py')
    skeleton = load_skeleton(cfg.model.skeleton)
    found = {(skeleton.keypoints[left], skeleton.keypoints[right]) for left, right in
             MODELS.build(dict(cfg.model.losses.facing, skeleton=cfg.model.skeleton)).flip_pairs}
    assert {('left_front_elbow', 'right_front_elbow'), ('left_rear_knee', 'right_rear_knee')} <= found


def test_the_mean_pose_is_a_dogs():
    skeleton = load_skeleton('projects/animal/data/dog26.json')
    pose = load_mean_pose('projects/animal/data/dog_motion_mean_pose.json', skeleton)
    assert np.abs(pose[skeleton.root]).max() == 0
    height = {name: -pose[skeleton.keypoints.index(name), 1] for name in skeleton.keypoints}
    assert height['withers'] > height['left_front_elbow'] > height['left_front_wrist'] > height['left_front_paw']
    assert 200 < height['withers'] - height['left_front_paw'] < 700, 'mm'
    assert np.abs(pose[:, [0, 2]]).max() < 150, 'all directions are seen equally often'


@pytest.mark.slow
def test_the_demo_in_little(tmp_path):
    config = tmp_path / 'little.py'
    config.write_text(LITTLE.format(base=ROOT / 'projects/animal/configs/xas_dog_motion.py', root=tmp_path / 'data'))
    text = run_demo(config, tmp_path / 'work', 'the full recipe', num_pictures=1)
    metrics = json.loads((tmp_path / 'work' / 'metrics.json').read_text())
    assert set(metrics) == {'mean_pose', 'top1', 'best_of_h_per_pose', 'best_of_h_per_joint', 'seconds'}
    assert 150 < metrics['mean_pose']['MPJPE'] < 800 and 'top-1 / mean pose' in text


def smal_files(folder):
    """Files of the shapes of SMAL's official ones: a random body, and a mean shape for each of five families."""
    rng = np.random.default_rng(0)
    content = dict(
        v_template=rng.normal(size=(3889, 3)), f=rng.integers(0, 3889, (3889, 3)),
        shapedirs=0.1 * rng.normal(size=(3889, 3, 41)), J_regressor=np.eye(35, 3889),
        weights=np.eye(35)[np.arange(3889) % 35], posedirs=np.zeros((3889, 3, 9 * 34)),
        kintree_table=np.stack([np.array([2**32 - 1, *range(34)]), np.arange(35)]))
    for left, right in ((1097, 3055), (150, 2124), (613, 2577), (855, 2820)):
        content['v_template'][[left, right], 1] = 1, -1
    content['v_template'][:35, 1] = [(name[0] == 'L') - (name[0] == 'R') for name in SMALBodyModel.FAMILY.joint_names]
    folder.mkdir(parents=True)
    (folder / 'smal_CVPR2017.pkl').write_bytes(pickle.dumps(content, 2))
    means = np.eye(5, 41) * np.arange(1, 6)[:, None]
    (folder / 'smal_CVPR2017_data.pkl').write_bytes(pickle.dumps({'cluster_means': list(means)}, 2))


def test_another_family_of_smal_is_a_config_of_ten_lines(tmp_path, monkeypatch):
    monkeypatch.setenv('MMXAS_DATA_DIR', str(tmp_path))
    smal_files(tmp_path / 'body_models' / 'smal')
    path = ROOT / 'projects/animal/configs/xas_horse.py'
    assert len(path.read_text().splitlines()) <= 10
    cfg = load_config(str(path))
    (body, ) = cfg.train_dataloader.dataset.synthetic.generator.body_model
    horse = BODY_MODELS.build(body)
    plain = BODY_MODELS.build(dict(type='SMALBodyModel', model_path=body.model_path, keypoints=body.keypoints))
    moved = (horse.v_template - plain.v_template).numpy() / horse.variant.metres_per_unit
    content = pickle.loads((tmp_path / 'body_models/smal/smal_CVPR2017.pkl').read_bytes())
    assert np.allclose(moved, 3 * content['shapedirs'][..., 2], atol=1e-5), 'the third family, horses'
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.data_root == str(tmp_path / 'horses/images')
        assert 'RemoveBackground' in [step.type for step in loader.dataset.pipeline]


def test_the_papers_dogs_have_no_background_on_either_side():
    cfg = load_config(str(ROOT / 'projects/animal/configs/xas_dog_stanfordext.py'))
    data = cfg.train_dataloader.dataset
    for dataset in (data.synthetic, data.target, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        assert [step.type for step in dataset.pipeline].count('RemoveBackground') == 1
    assert cfg.sync_bn == 'torch'


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f'no sample of StanfordExtra in {PHOTOS} (set MMXAS_DATA_DIR)')
def test_photos_are_evaluated_by_untrained_weights(tmp_path, monkeypatch):
    monkeypatch.setenv('MMXAS_DATA_DIR', str(PHOTOS.parent))
    cfg = load_config(str(ROOT / 'projects/animal/configs/xas_dog_motion_photos.py'))
    cfg.work_dir = str(tmp_path)
    cfg.model.backbone.pretrained = False
    cfg.test_dataloader.update(batch_size=5, num_workers=0)
    metrics = Runner.from_cfg(cfg).test()
    for pose in ('top1', 'best_of_h_per_pose'):
        for group in ('', '/legs', '/tail', '/ears', '/face'):
            assert 0 <= metrics[f'xas/{pose}/PCK@0.1{group}'] <= metrics[f'xas/{pose}/PCK@0.15{group}'] <= 100
        assert 0 <= metrics[f'xas/{pose}/mask_iou'] <= 1
