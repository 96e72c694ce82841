import dataclasses
import sys
from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxas.datasets import datasets
from mmxas.registry import DATASETS

MocapHuman = partial(datasets.MocapHuman, skeleton='h36m18')
RenderedMotions = partial(datasets.RenderedMotions, skeleton='h36m18')
RenderedPairDataset = partial(datasets.RenderedPairDataset, skeleton='h36m18')
SyntheticPairDataset = partial(datasets.SyntheticPairDataset, skeleton='h36m18')
TRAIN_PIPELINE = [
    dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomCropJitter'), dict(type='RandomMirror'), dict(type='SquareCropAffine', input_size=(64, 64)),
    dict(type='RandomPhotometric'),
    dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
    dict(type='PackXASInputs')]
LABEL_KEYS = {
    'keypoints', 'keypoints_visible', 'keypoints_cam', 'camera', 'root_depth', 'rect_3d_width', 'pose', 'betas'}


@pytest.fixture(scope='module')
def mocap_root(tmp_path_factory, pairs):
    """Splits of the built-in target domain, and the same images with other labels beside them."""
    root = tmp_path_factory.mktemp('mocap')
    for name, poison in (('clean', False), ('poisoned', True)):
        made = [pairs.make(i, ('walk', 'jump', 'spin')[i % 3]) for i in range(6)]
        if poison:
            made = [dataclasses.replace(
                p, keypoints_cam=np.full_like(p.keypoints_cam, np.nan), K=np.full_like(p.K, np.nan), yaw=9.0,
                pose=p.pose + 1, betas=p.betas + 1) for p in made]
        pairs.write(root / name / 'mocap' / 'train', made)
        pairs.write(root / name / 'mocap' / 'test', [pairs.make(10 + i, 'run') for i in range(3)])
        pairs.write(root / name / 'mocap' / 'ood', [pairs.make(20 + i, 'roll') for i in range(2)])
    return root


def packed(dataset, seed=0):
    np.random.seed(seed)
    return [dataset[i] for i in range(len(dataset))]


def test_synthetic_pairs_have_labels(pair_root):
    dataset = DATASETS.build(dict(type='SyntheticPairDataset', skeleton='h36m18', data_root=str(pair_root),
                                  pipeline=TRAIN_PIPELINE))
    samples = packed(dataset)
    assert len(dataset) == 10
    sample = samples[3]['data_samples']
    assert sample.metainfo['domain'] == 'synthetic' and sample.metainfo['clip'] == 'walk'
    assert sample.metainfo['sample_name'] == 'set/000003' and sample.metainfo['box_source'] == 'mask'
    assert sample.gt_instance_labels.keypoint_norm.shape == (1, 18, 3)
    assert 0 < sample.gt_fields.mask.mean() < 0.5 and samples[3]['inputs'].shape == (3, 64, 64)


def test_image_mask_and_keypoints_agree(pair_root, pairs):
    info = SyntheticPairDataset(data_root=str(pair_root)).get_data_info(4)
    pair = pairs.make(4)
    assert np.abs(info['img'].astype(int) - pair.image).mean() < 3  # JPEG
    assert (info['mask'] == pair.mask).all() and np.allclose(info['bbox'][0], pair.bbox)
    x, y = info['keypoints'][0].round().astype(int).T
    assert (info['mask'][y, x] == 255).all()
    assert info['root_depth'] == pytest.approx(pair.keypoints_cam[0, 2])


def test_targets_have_no_labels_unless_asked_for(mocap_root):
    dataset = MocapHuman(split='train', data_root=str(mocap_root / 'clean/mocap'), pipeline=TRAIN_PIPELINE)
    assert not LABEL_KEYS & set(dataset.get_data_info(0))
    sample = packed(dataset)[0]['data_samples']
    assert sample.metainfo['domain'] == 'target' and not LABEL_KEYS & set(sample.metainfo)
    assert not LABEL_KEYS & set(sample.gt_instances.keys()) and len(sample.gt_instance_labels.keys()) == 0
    labelled = MocapHuman(split='train', data_root=str(mocap_root / 'clean/mocap'), with_labels=True,
                          pipeline=TRAIN_PIPELINE)
    assert 'keypoint_norm' in packed(labelled)[0]['data_samples'].gt_instance_labels


def test_no_label_reaches_an_unlabelled_sample(mocap_root):
    """Other labels (NaN, even) beside the same images: the packed samples are equal bit by bit."""
    samples = [packed(MocapHuman(split='train', data_root=str(mocap_root / name / 'mocap'), pipeline=TRAIN_PIPELINE))
               for name in ('clean', 'poisoned')]
    for clean, poisoned in zip(*samples, strict=True):
        assert (clean['inputs'] == poisoned['inputs']).all()
        a, b = clean['data_samples'], poisoned['data_samples']
        assert (a.gt_fields.mask == b.gt_fields.mask).all()
        assert set(a.all_keys()) == set(b.all_keys()) and set(a.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        for key, value in a.gt_instances.items():
            assert (value == b.gt_instances[key]).all()
        for key in a.metainfo_keys():
            assert np.all(np.asarray(a.metainfo[key] == b.metainfo[key])), key


def test_labels_do_change_a_labelled_sample(mocap_root):
    poisoned = MocapHuman(split='train', data_root=str(mocap_root / 'poisoned/mocap'), with_labels=True)
    assert np.isnan(poisoned.get_data_info(0)['keypoints_cam']).all()


def test_splits_are_folders_and_can_be_joined(mocap_root):
    root = str(mocap_root / 'clean/mocap')
    both = MocapHuman(split=('test', 'ood'), data_root=root, with_labels=True)
    assert [both.get_data_info(i)['clip'] for i in range(5)] == ['run'] * 3 + ['roll'] * 2
    assert both.get_data_info(3)['sample_name'] == 'mocap/ood/000000'
    limited = MocapHuman(split=('test', 'ood'), data_root=root, num=dict(test=1))
    assert len(limited) == 3
    splits = datasets.MocapHuman.SPLITS
    assert set(splits['train']) & set(splits['test'] + splits['val']) == set()
    with pytest.raises(ValueError, match=r"unknown \['dev'\], expected some of \['ood', 'test', 'train', 'val'\]"):
        MocapHuman(split='dev', data_root=root)


def test_clips_choose_pairs(pair_root, tmp_path):
    dataset = RenderedPairDataset(data_root=str(pair_root), clips=['jump'])
    assert len(dataset) == 5 and {dataset.get_data_info(i)['frame'] for i in range(5)} == {0, 2, 4, 6, 8}
    with pytest.raises(ValueError, match=r"no pairs in .* of the clips \['swim'\]"):
        RenderedPairDataset(data_root=str(pair_root), clips=['swim'])


def test_black_masks_are_left_out(tmp_path, pairs):
    root = pairs.write(tmp_path / 'set', [pairs.make(0), pairs.make(1, empty=True), pairs.make(2)])
    dataset = RenderedPairDataset(data_root=str(root))
    assert [dataset.get_data_info(i)['frame'] for i in range(len(dataset))] == [0, 2]


def test_box_around_the_root(pair_root):
    dataset = SyntheticPairDataset(data_root=str(pair_root), box='root', pipeline=[
        dict(type='LoadXASImage'), dict(type='GetBBoxCenterScale', padding=1.25),
        dict(type='SquareCropAffine', input_size=(64, 64)), dict(type='PackXASInputs')])
    sample = dataset[0]['data_samples']
    assert sample.metainfo['rect_3d_width'] == pytest.approx(2000, rel=1e-5)
    assert sample.metainfo['box_source'] == 'root'


def test_image_files_for_visualisation(pair_root):
    assert 'img_path' not in RenderedPairDataset(data_root=str(pair_root)).get_data_info(2)
    info = RenderedPairDataset(data_root=str(pair_root), test_mode=True).get_data_info(2)
    assert (cv2.imread(info['img_path']) == info['img']).all()


def test_missing_shards_say_how_to_render(tmp_path, pair_root):
    with pytest.raises(FileNotFoundError, match=r'absent: no rendered pairs here.*mmxas synthesize'):
        SyntheticPairDataset(data_root=str(tmp_path / 'absent'))
    with pytest.raises(ValueError, match='a data_root to read from, or a generator'):
        SyntheticPairDataset()
    with pytest.raises(ValueError, match='num is needed'):
        SyntheticPairDataset(generator=dict())
    with pytest.raises(ValueError, match='num is needed'):
        SyntheticPairDataset(generator=dict(), data_root='x', lazy_init=True).render_missing()
    toy = dict(name='toy', keypoints=['a', 'b'], parents=[0, 0])
    with pytest.raises(ValueError, match="18 keypoints per pose, but the skeleton 'toy' has 2"):
        SyntheticPairDataset(data_root=str(pair_root), skeleton=toy)


def test_missing_shards_are_rendered_with_the_splits_clips(tmp_path, pairs, monkeypatch):
    calls = []

    def synthesize(generator, out, num, workers, seed):
        calls.append((generator, str(out), num, seed))
        assert workers == 0  # not worth a process
        pairs.write(tmp_path / 'mocap' / 'val', [pairs.make(i, 'kick') for i in range(num)])

    module = sys.modules['mmxas.synthesis.synthesize']
    monkeypatch.setattr(module, 'synthesize', synthesize)
    monkeypatch.setattr(module, 'require_rendered', lambda *asked: calls.append(asked))
    generator = dict(pose_source=dict(type='MocapPoses'))
    dataset = MocapHuman(split='val', data_root=str(tmp_path / 'mocap'), generator=generator, num=3, seed=7,
                         lazy_init=True)
    dataset.render_missing()
    dataset.full_init()
    assert len(dataset) == 3 and generator == dict(pose_source=dict(type='MocapPoses'))
    wanted = (dict(pose_source=dict(type='MocapPoses', clips=['kick']), skeleton='h36m18'),
              str(tmp_path / 'mocap/val'), 3, 7)
    assert calls == [wanted, wanted], 'rendered, then looked for'


def test_building_a_data_set_renders_nothing(tmp_path, pairs, monkeypatch):
    asked = []

    def require_rendered(generator, out, num, seed):
        asked.append((generator, out, num, seed))
        if not (tmp_path / 'set').is_dir():
            raise FileNotFoundError('2 of 2 shards are missing; render them by `mmxas synthesize CONFIG`')

    monkeypatch.setattr(sys.modules['mmxas.synthesis.synthesize'], 'require_rendered', require_rendered)
    config = dict(data_root=str(tmp_path / 'set'), generator=dict(a=1), num=2, seed=5)
    with pytest.raises(FileNotFoundError, match='render them by `mmxas synthesize CONFIG`'):
        SyntheticPairDataset(**config)
    pairs.write(tmp_path / 'set', [pairs.make(i) for i in range(2)])
    assert len(SyntheticPairDataset(**config)) == 2
    assert asked == 2 * [(dict(a=1, skeleton='h36m18'), str(tmp_path / 'set'), 2, 5)]


def test_as_many_processes_render_as_cpus_may_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr('mmxas.datasets.datasets.rendered_pairs.usable_cpus', lambda: 3)
    assert SyntheticPairDataset(data_root=str(tmp_path), lazy_init=True).workers == 3
    assert SyntheticPairDataset(data_root=str(tmp_path), workers=0, lazy_init=True).workers == 0


def test_pairs_on_the_fly(pairs, monkeypatch):
    generator = SimpleNamespace(generate=lambda index: pairs.make(index, ''))
    monkeypatch.setattr('mmxas.synthesis.pair_generator.PairGenerator.from_config', lambda config, seed: generator)
    dataset = SyntheticPairDataset(generator=dict(seed=0), num=4, pipeline=TRAIN_PIPELINE)
    assert len(packed(dataset)) == 4
    assert (dataset.get_data_info(2)['img'] == pairs.make(2).image).all()
    with pytest.raises(ValueError, match='clips can be chosen from rendered shards only'):
        SyntheticPairDataset(generator=dict(seed=0), num=4, clips=['walk'])


def test_motions_have_the_splits_of_a_file(tmp_path):
    splits = tmp_path / 'splits.json'
    splits.write_text('{"early": ["walk"], "late": ["trot", "sit"]}')
    generator = dict(pose_source=dict(type='MocapPoses', file='clips.npz'))
    dataset = RenderedMotions(splits, 'data/x', split=('late', 'early'), generator=generator, num=dict(late=2, early=1),
                              lazy_init=True)
    parts = dataset.rendered_parts()
    assert [(part.name, part.num, part.generator['pose_source']['clips']) for part in parts] == [
        ('x/late', 2, ['trot', 'sit']), ('x/early', 1, ['walk'])]
    assert generator == dict(pose_source=dict(type='MocapPoses', file='clips.npz'))
    with pytest.raises(ValueError, match=r"split='test': unknown \['test'\], expected some of \['early', 'late'\]"):
        RenderedMotions(splits, 'data/x', split='test')
    with pytest.raises(FileNotFoundError, match='none.json: no such file of splits'):
        RenderedMotions('none.json', 'data/x')
