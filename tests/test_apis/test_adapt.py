"""An adaptation in little, and its steps alone."""
import copy
import json
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from tiny_photos import COLOUR, NUM, photo_config, write_detector, write_photos

from mmxas.apis import adapt
from mmxas.apis.adapt import METRICS, Adaptation, adaptation_config, renders_backgrounds, summary
from mmxas.apis.configs import load_config
from mmxas.apis.model_zoo import ZooModel, file_sha256
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.io import read_checkpoint_file
from mmxas.registry import DATASETS

CONFIG = str(Path(__file__).parents[2] / 'configs' / 'xas_mocap.py')
BEFORE = dict(mask_iou=0.3, flip_rate=40.0, asymmetry=9.0)


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    """A tiny detector's ``config`` and ``weights``, and ``photos``, one of them with two bodies, beside a label."""
    root = tmp_path_factory.mktemp('adapt')
    cfg = photo_config(root / 'data')
    config, weights = write_detector(cfg, root)
    photos = write_photos(cfg, root / 'photos')
    first = cv2.imread(str(photos / '00.png'))
    cv2.imwrite(str(photos / '00.png'), cv2.hconcat([first, first]))
    (photos / 'annotations.json').write_text('what nobody reads')
    return SimpleNamespace(root=root, base=load_config(str(config)), weights=str(weights), photos=photos)


def plan(detector, out, **kwargs):
    return Adaptation.plan(detector.base, detector.weights, detector.photos, out, iterations=10, **kwargs)


@pytest.fixture(scope='module')
def done(detector):
    """A whole adaptation: its folder ``out`` and ``report``."""
    out = detector.root / 'out'
    adaptation = plan(detector, out)
    adaptation.prepare()
    before = adaptation.measure_before()
    adaptation.train()
    return SimpleNamespace(out=out, before=before, report=adaptation.finish(before), adaptation=adaptation)


def test_the_last_stage_is_trained_on_the_folder():
    base = load_config(CONFIG)
    base.train_dataloader.dataset.target.with_labels = True  # a folder has none, whatever the config says
    cfg = adaptation_config(base, Path('photos'), Path('out'), 299, 200)
    (stage, ) = cfg.train_cfg.stages
    assert stage == dict(base.train_cfg.stages[1], epochs=5) and stage.loss_weights.adversarial > 0
    pairs = cfg.train_dataloader.dataset
    assert pairs.length == 32 * 60 and pairs.synthetic.num == 32 * 300
    assert {**pairs.synthetic, 'num': 12288} == base.train_dataloader.dataset.synthetic
    assert dict(pairs.target) == dict(
        type='ImageFolderDataset', data_root='photos', masks='out/masks', boxes='out/boxes.json',
        files='out/used.json', on_error='skip', skeleton='h36m18', pipeline=base.target_pipeline)
    assert cfg.val_dataloader.dataset.sample_interval == 3 and cfg.val_dataloader.dataset.pipeline == base.test_pipeline
    assert base.train_dataloader.dataset.target.type == 'MocapHuman'


def test_backgrounds_are_the_folders_own_where_the_network_sees_them():
    base = load_config(CONFIG)
    synthetic = base.train_dataloader.dataset.synthetic
    assert not renders_backgrounds(synthetic)
    synthetic.pipeline = [step for step in synthetic.pipeline if step['type'] != 'RemoveBackground']
    own = adaptation_config(base, Path('photos'), Path('out'), 300, 50, 'mine').train_dataloader.dataset
    assert own.target.masks == 'mine'
    assert own.synthetic.data_root == 'out/synthetic'
    assert own.synthetic.generator.background == dict(type='PhotoBackground', folder='out/backgrounds')
    assert not renders_backgrounds(dict(pipeline=[], data_root='rendered elsewhere'))


def test_a_config_without_targets_is_refused():
    base = load_config(CONFIG)
    base.train_dataloader.dataset.target = None
    with pytest.raises(ValueError, match=r'xas_mocap.py: needs train_dataloader.dataset.target.pipeline and '):
        adaptation_config(base, Path('photos'), Path('out'), 300, 50)


@pytest.mark.slow
def test_an_adaptation_leaves_masks_weights_predictions_and_figures(detector, done):
    out, report = done.out, done.report
    assert json.loads((out / 'left_out.json').read_text()) == {'00.png': ['several parts']}
    assert len(json.loads((out / 'used.json').read_text())) == report['images'] == NUM - 1
    assert cv2.imread(str(out / 'masks_sheet.jpg')).shape[0] > 100
    assert set(report['before']) == set(report['after']) == set(METRICS)
    assert report == json.loads((out / 'report.json').read_text())
    assert report['iterations'] == 10 and report['left_out'] == 1
    assert report['best'].startswith('best_xas_mask_iou_epoch')
    assert len(list((out / 'predictions').iterdir())) == NUM - 1
    for when in ('before', 'after'):
        assert len(list((out / 'visualizations' / when).iterdir())) == 8
    first, adapted = (read_checkpoint_file(path, 'cpu')['state_dict'] for path in (detector.weights, report['adapted']))
    moved = (first['head.final_layer.weight'] - adapted['head.final_layer.weight'].float()).abs().max()
    assert (moved > 1e-4) == report['improved']  # a half's rounding is smaller


@pytest.mark.slow
def test_no_label_reaches_a_sample(done):
    with DefaultScope.overwrite_default_scope('mmpose'):
        target = DATASETS.build(done.adaptation.cfg.train_dataloader.dataset.target)
    assert len(target) == NUM - 1 and not target.with_labels
    sample = target[0]['data_samples']
    assert 'keypoints' not in sample.gt_instances and not list(sample.gt_instance_labels.keys())
    assert sample.gt_fields.mask.max() == 1


def test_pairs_are_rendered_over_the_folders_backgrounds(detector):
    seen = SimpleNamespace(**{**vars(detector), 'base': copy.deepcopy(detector.base)})
    synthetic = seen.base.train_dataloader.dataset.synthetic
    synthetic.pipeline = [step for step in synthetic.pipeline if step['type'] != 'RemoveBackground']
    out = detector.root / 'seen'
    adaptation = plan(seen, out, options={'train_dataloader.dataset.synthetic.num': 2})
    adaptation.prepare()
    painted = [cv2.imread(str(path)).astype(int) for path in (out / 'backgrounds').iterdir()]
    assert len(painted) == NUM - 1 and max(abs(image - COLOUR).max() for image in painted) < 60  # JPEG
    with DefaultScope.overwrite_default_scope('mmpose'):
        share_config(adaptation.cfg)
        prepare_sets(adaptation.cfg, ['train'])
        pairs = DATASETS.build(adaptation.cfg.train_dataloader.dataset.synthetic)
    info = pairs.get_data_info(0)
    blue, green, red = info['img'][info['mask'] == 0].mean(axis=0)
    assert min(blue, red) > green + 50


@pytest.mark.slow
def test_a_run_that_is_done_measures_nothing_again(detector, done, monkeypatch, capsys):
    monkeypatch.setattr(adapt, 'measure', None)
    again = plan(detector, done.out)
    again.prepare()
    assert again.measure_before() == done.before
    assert '10 iterations of ' in capsys.readouterr().out


@pytest.mark.slow
def test_the_time_is_said_and_another_species_is_refused(detector, done, monkeypatch, capsys):
    other = detector.root / 'other.py'
    other.write_text(f"_base_ = '{detector.base.filename}'\nmodel = dict(skeleton='another')\n")
    kin, stranger = (ZooModel(name, (f'{name}_alias', ), Path(config), other, Path(detector.weights), file_sha256(
        Path(detector.weights))) for name, config in (('kin', detector.base.filename), ('stranger', other)))
    better = [0.36]
    monkeypatch.setattr(adapt, 'measure', lambda cfg, *_: dict(
        BEFORE, mask_iou=better[0] if cfg.model.get('skeleton') == 'another' else 0.3))
    monkeypatch.setattr(adapt, 'seconds_per_iteration', lambda _: 12.0)
    adaptation = plan(detector, detector.root / 'timed')
    with pytest.raises(ValueError, match=r"model 'stranger_alias' fit the masks better .* IoU 0.36, not 0.30\). Is it "
                                         r'another species\? Give --species stranger_alias; --force continues'):
        adaptation.measure_before([kin, stranger])
    better[0] = 0.34
    assert adaptation.measure_before([kin, stranger]) == BEFORE
    assert '10 iterations of 12.00 s and 6 evaluations of 0 s: about 2 minutes' in capsys.readouterr().out


@pytest.mark.slow
def test_weights_that_are_not_improved_stay(detector, done, monkeypatch):
    monkeypatch.setattr(adapt, 'measure', lambda *_: BEFORE)
    monkeypatch.setattr(Adaptation, '_predict', lambda *_: None)
    report = done.adaptation.finish(dict(BEFORE, mask_iou=0.31))
    adapted = read_checkpoint_file(report['adapted'], 'cpu')['state_dict']
    assert not report['improved']
    for name, tensor in read_checkpoint_file(detector.weights, 'cpu')['state_dict'].items():
        torch.testing.assert_close(adapted[name].to(tensor), tensor, rtol=1e-3, atol=1e-3)
    assert 'The mask IoU did not rise' in summary(report)


@pytest.mark.slow
def test_a_folder_of_another_adaptation_is_refused(detector, done):
    with pytest.raises(ValueError, match=r'out: holds another adaptation, of limit 500 and not 17; give another'):
        plan(detector, done.out, limit=17)


def test_weights_are_looked_at_first(detector, tmp_path, capsys):
    state = read_checkpoint_file(detector.weights, 'cpu')['state_dict']
    torch.save({name: tensor for name, tensor in state.items() if not name.startswith('discriminator.')},
               tmp_path / 'small.pth')
    small = Adaptation.plan(detector.base, str(tmp_path / 'small.pth'), detector.photos, tmp_path / 'out')
    assert 'small.pth: these weights have no discriminator, it starts untrained' in capsys.readouterr().out
    assert [metric.type for metric in small.cfg.val_evaluator] == ['MaskIoUMetric', 'FlipRateMetric', 'SymmetryMetric']
    del state['head.final_layer.weight']
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r"no tensor 'head.final_layer.weight' in the checkpoint"):
        Adaptation.plan(detector.base, str(tmp_path / 'other.pth'), detector.photos, tmp_path / 'other')
    assert not (tmp_path / 'other').exists()


def test_summary_shows_before_and_after():
    report = dict(before=BEFORE, after=dict(BEFORE, mask_iou=0.4567), adapted='a.safetensors', best='best_3.pth',
                  improved=True, images=17, left_out=1, iterations=10, config='c.py')
    text = summary(report)
    assert re.search(r'\| mask IoU, higher is better +\| 0.300 +\| 0.457 +\|', text) and 'score by' not in text
    assert '17 images, 1 left out, 10 iterations' in text and 'best_3.pth' in text
    assert text.endswith('mmxas infer PHOTOS c.py a.safetensors')


@pytest.mark.slow
def test_options_reach_the_stage(detector, done):
    control = {'train_cfg.stages.0.loss_weights.mask': 0, 'train_cfg.stages.0.loss_weights.adversarial': 0}
    cfg: Config = plan(detector, detector.root / 'control', options=control).cfg
    weights = cfg.train_cfg.stages[0].loss_weights
    assert weights.mask == weights.adversarial == 0 and weights.render == 1.0
