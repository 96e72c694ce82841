"""Children of the paper's recipe and of the quick one, as a user writes them: each knob is seen on what is built."""
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmxas.body_models import SMPLBodyModel
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share
from mmxas.engine.config_knobs import (
    KNOBS,
    apply_knobs,
    idle_variables,
    read_config,
    refuse_unapplied,
    spent_variables,
    turned,
)
from mmxas.registry import DATASETS
from mmxas.synthesis.pair_generator import PairGenerator

ROOT = Path(__file__).parents[2]
RECIPES = ('xas_h36m', 'xas_mocap')


@pytest.fixture
def child(tmp_path):
    """Writes a child of a shipped config and returns its path."""
    def write(base: str, text: str, name: str = 'child') -> Path:
        path = tmp_path / f'{name}.py'
        path.write_text(f"_base_ = '{base if base.startswith('.') else f'mmxas::{base}.py'}'\n{text}\n")
        return path
    return write


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """Human3.6M with two actions before one camera, a texture, and SMPL models, all in little."""
    data, folder = tmp_path_factory.mktemp('data'), 'annotation_body3d'
    names = {split: [f'{subject}_{action}_1.54138969_{frame:06d}.jpg' for action in ('Walking', 'Eating')
                     for frame in (1, 6)] for split, subject in (('train', 'S1'), ('test', 'S9'))}
    image = np.full((1000, 1000, 3), 200, np.uint8)
    (data / 'h36m' / folder / 'fps10').mkdir(parents=True)
    for split, files in names.items():
        pose = np.tile([0, 0, 5, 1], (4, 17, 1)) + np.linspace(0, 0.5, 17)[:, None]
        np.savez(data / f'h36m/{folder}/fps10/h36m_{split}.npz', imgname=np.array(files), center=np.full((4, 2), 500.0),
                 scale=np.ones(4), S=pose, part=np.full((4, 17, 3), 500.0))
        for name in files:
            for kind, suffix in (('images', '.jpg'), ('masks', '.png')):
                (data / 'h36m' / kind).mkdir(exist_ok=True)
                cv2.imwrite(str((data / 'h36m' / kind / name).with_suffix(suffix)), image)
    turn = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # from the camera to a world with z up
    camera = dict(f=np.array([[1000.0], [1000.0]]), c=np.array([[500.0], [500.0]]), R=turn,
                  T=np.array([[0.0], [-5.0], [0.9]]), w=1000, h=1000)
    cameras = {(subject, '54138969'): camera for subject in ('S1', 'S9')}
    (data / f'h36m/{folder}/cameras.pkl').write_bytes(pickle.dumps(cameras))
    for gender in ('female', 'male', 'neutral'):
        (data / 'bodies').mkdir(exist_ok=True)
        shutil.copy(SMPLBodyModel.FAMILY.find('free', gender), data / 'bodies' / f'SMPL_{gender.upper()}.npz')
    for gender in ('female', 'male'):
        (data / 'textures' / gender).mkdir(parents=True)
        for name in ('train', 'test'):
            cv2.imwrite(str(data / 'textures' / gender / f'{name}.png'), image[:64, :64])
        (data / 'textures' / f'{gender}_test.txt').write_text(f'{gender}/test.png')
    return data


def build(cfg: Config, loader: str):
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = share(cfg[loader].dataset, cfg.model, loader)
        prepare_sets(dict(train_dataloader=dict(dataset=dataset)))
        return DATASETS.build(dataset)


def test_every_knob_acts_on_the_papers_recipe(child, data):
    cfg = read_config(child('xas_h36m', f"""xas = dict(
        data_root={str(data)!r}, crop_size=64, actions=['Eating'], smpl={str(data / 'bodies')!r}, num_pairs=2)"""))
    pairs = build(cfg, 'train_dataloader')
    target, synthetic = pairs.parts['target'], pairs.parts['synthetic']
    assert len(synthetic) == 2 and Path(synthetic.data_root) == data / 'synthetic_h36m'
    assert (data / 'synthetic_h36m').is_dir(), 'rendered there'
    assert {info['action'] for info in (target.get_data_info(i) for i in range(len(target)))} == {'Eating'}
    assert Path(target.get_data_info(0)['img_path']).parent == data / 'h36m' / 'images'
    assert synthetic.get_data_info(0)['img'].shape == (64, 64, 3)
    assert {part['inputs'].shape for part in pairs[0]} == {(3, 64, 64)}
    generator = PairGenerator.from_config(cfg.train_dataloader.dataset.synthetic.generator, skeleton='h36m18')
    assert {Path(body.model_path).parent for body in generator.bodies} == {data / 'bodies'}
    test = build(cfg, 'test_dataloader')
    assert {test.get_data_info(i)['action'] for i in range(len(test))} == {'Walking', 'Eating'}, 'tested on all'
    assert test[0]['inputs'].shape == (3, 64, 64)
    assert test[0]['data_samples'].background == 'removed by masks of the data set'


def test_backgrounds_stay_without_masks(child, data, tmp_path):
    cfg = read_config(child('xas_h36m', f"""xas = dict(
        background=dict(type='PhotoBackground'), smpl='free', num_pairs=1, crop_size=64,
        data_root=dict(h36m={str(data / 'h36m')!r}, textures={str(data / 'textures')!r},
                       synthetic_h36m={str(tmp_path / 'pairs')!r}))"""))
    pairs, test = build(cfg, 'train_dataloader'), build(cfg, 'test_dataloader')
    assert Path(pairs.parts['synthetic'].data_root) == tmp_path / 'pairs'
    image, mask = (pairs.parts['synthetic'].get_data_info(0)[key] for key in ('img', 'mask'))
    assert image[mask == 0].std() > 5, 'a photo'
    target, synthetic = pairs[0]
    assert target['inputs'][:, 0, 0].tolist() == [200, 200, 200] and 'background' not in target['data_samples']
    assert (synthetic['inputs'].numpy().transpose(1, 2, 0)[mask == 0] > 0).mean() > 0.9
    assert 'mask' in target['data_samples'].gt_fields, 'for the losses'
    assert 'gt_fields' not in test[0]['data_samples']
    assert test[0]['inputs'].float().min() > 150


def test_every_knob_acts_on_the_quick_recipe(child, data, tmp_path):
    cfg = read_config(child('xas_mocap', f"""xas = dict(
        data_root={str(tmp_path)!r}, crop_size=64, actions=['walk', 'jump'], smpl={str(data / 'bodies')!r}, num_pairs=2)
train_dataloader = dict(dataset=dict(target=dict(num=40)))
test_dataloader = dict(dataset=dict(num=2))"""))
    pairs, test = build(cfg, 'train_dataloader'), build(cfg, 'test_dataloader')
    target, synthetic = pairs.parts['target'], pairs.parts['synthetic']
    assert len(synthetic) == 2 and Path(synthetic.data_root) == tmp_path / 'synthetic_human'
    assert synthetic.get_data_info(0)['img'].shape == (96, 96, 3), '1.5 times the crop, as 192 to 128'
    assert {target.get_data_info(i)['clip'] for i in range(len(target))} == {'walk', 'jump'} and 0 < len(target) < 40
    assert Path(target.data_root) == Path(test.data_root) == tmp_path / 'mocap_human'
    assert {part['inputs'].shape for part in (*pairs[0], test[0])} == {(3, 64, 64)}
    generator = PairGenerator.from_config(cfg.train_dataloader.dataset.target.generator, skeleton='h36m18')
    assert {Path(body.model_path).parent for body in generator.bodies} == {data / 'bodies'}
    background = read_config(child('xas_mocap', "xas = dict(background=dict(type='PhotoBackground'))"))
    assert background.train_dataloader.dataset.synthetic.generator.background == dict(type='PhotoBackground')
    assert 'RemoveBackground' not in str(background.test_dataloader) + str(background.train_dataloader)


def test_roots_come_from_the_environment_and_a_knob_goes_first(child, monkeypatch):
    monkeypatch.setenv('MMXAS_DATA_DIR', '/sets')
    monkeypatch.setenv('MMXAS_RENDERED_DIR', '/scratch')
    plain, moved = read_config(child('xas_h36m', '')), read_config(child('xas_h36m', "xas = dict(data_root='/mine')"))
    for cfg, sets, rendered in ((plain, '/sets', '/scratch'), (moved, '/mine', '/mine')):
        assert cfg.test_dataloader.dataset.data_root == f'{sets}/h36m'
        assert cfg.train_dataloader.dataset.synthetic.data_root == f'{rendered}/synthetic_h36m'
        assert cfg.train_dataloader.dataset.synthetic.generator.appearance.folder == f'{sets}/textures'


def test_knobs_are_inherited_and_what_they_did_is_written_down(child, tmp_path):
    child('xas_mocap', "xas = dict(crop_size=96, data_root='/a')", 'parent')
    cfg = read_config(child('./parent.py', "xas = dict(data_root='/b')"))
    assert (cfg.crop_size, cfg.rendered_root, cfg.val_dataloader.dataset.data_root) == (96, '/b', '/b/mocap_human')
    cfg.dump(tmp_path / 'dumped.py')
    again = read_config(tmp_path / 'dumped.py')
    assert again.to_dict() == cfg.to_dict() and 'xas' not in again
    changed = read_config(child('./dumped.py', 'xas = dict(crop_size=128)'))
    assert changed.train_dataloader.dataset.synthetic.generator.image_size == 192
    with pytest.raises(ValueError, match=r'crop_size = … changes nothing. Write xas = dict\(crop_size=…\)'):
        read_config(child('./dumped.py', 'crop_size = 128'))


@pytest.mark.parametrize('recipe', RECIPES)
@pytest.mark.parametrize(('line', 'way'), [
    ('crop_size = 96', r'xas = dict\(crop_size='), ("data_root = '/data'", r'xas = dict\(data_root='),
    ("paper_actions = ['Walking']", r'xas = dict\(actions='), ('num_pairs = 7', r'xas = dict\(num_pairs='),
    ('target_pipeline = []', 'or use it in the same file'), ('vis_backends = []', 'Change what was built from it')])
def test_a_variable_without_effect_is_refused_by_name(child, recipe, line, way):
    path = child(recipe, line)
    name = line.partition(' ')[0]
    assert [(file, found) for file, found, _ in idle_variables(path)] == [(path, name)]
    with pytest.raises(ValueError, match=rf'child.py: {name} = … changes nothing.*{way}'):
        read_config(path)
    with pytest.raises(ValueError, match=f'{name} = … changes nothing'):
        read_config(child('./child.py', 'randomness = dict(seed=1)', 'grandchild'))


def test_a_variable_that_the_child_uses_is_its_own(child):
    path = child('xas_mocap', 'crop_size = 96\naugmentation = [dict(type="X", input_size=(crop_size, crop_size))]\n'
                 'train_dataloader = dict(dataset=dict(target=dict(pipeline=augmentation)))\ntest_evaluator = None')
    assert idle_variables(path) == []
    assert read_config(path).train_dataloader.dataset.target.pipeline[0].input_size == (96, 96)
    assert spent_variables(path)['crop_size'] == path


@pytest.mark.slow
def test_shipped_configs_set_nothing_to_no_effect():
    for path in [*ROOT.glob('configs/*.py'), *ROOT.glob('projects/*/configs/*.py')]:
        plain, read = Config.fromfile(path), read_config(path)
        assert 'xas' not in read, path
        assert 'xas' in plain or read.to_dict() == plain.to_dict(), path


@pytest.mark.parametrize(('knobs', 'message'), [
    (dict(crop=96), 'xas: crop unknown; there are: .*crop_size'), ([1], r'xas: \[1\] unknown'),
    (dict(crop_size=100), 'crop_size=100: a multiple of 32 px'),
    (dict(crop_size=96), 'the config has no variable crop_size'),
    (dict(data_root=7), 'data_root=7: expected a folder, or a dict of folders'),
    (dict(data_root=dict(h36n='/a')), "no data in 'h36n'; it uses h36m"),
    (dict(smpl=''), "smpl='': a folder"), (dict(smpl='/a'), 'the config has no SMPLBodyModel'),
    (dict(actions='Walking'), "actions='Walking': a list of names"), (dict(actions=['a']), 'no target data set with'),
    (dict(num_pairs=0), 'num_pairs=0: 1 or more'), (dict(num_pairs=1), 'no train_dataloader.dataset.synthetic'),
    (dict(background='photo'), "background='photo': a config such as"),
])
def test_wrong_knobs_are_named(knobs, message):
    with pytest.raises(ValueError, match=message):
        turned(dict(test_dataloader=dict(dataset=dict(data_root='data/h36m'))), knobs)


def test_pairs_that_are_not_rendered_have_no_other_background(child):
    with pytest.raises(ValueError, match='background: nothing to act on, the config has no generator'):
        read_config(child('xas_h36m_sur', "xas = dict(background=dict(type='PhotoBackground'))"))
    assert read_config(child('xas_h36m_sur', 'xas = dict(num_pairs=9)')).train_dataloader.dataset.synthetic.num == 9


def test_knobs_that_were_not_applied_are_refused(child):
    cfg = Config.fromfile(child('xas_mocap', 'xas = dict(crop_size=96)'))
    with pytest.raises(ValueError, match='read the config by mmengine alone, so these settings have no effect'):
        refuse_unapplied(cfg)
    apply_knobs(cfg)
    refuse_unapplied(cfg)
    assert cfg.crop_size == 96 and set(KNOBS) >= {'crop_size', 'data_root', 'actions', 'smpl', 'num_pairs'}
