from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmxas.datasets.inspection import check_config, check_dataset, dataset_configs, inner_datasets, sample_problems

CROP = [dict(type='GetBBoxCenterScale', padding=1.25), dict(type='SquareCropAffine', input_size=(32, 32))]
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask'), *CROP, dict(type='PackXASInputs')]


@pytest.fixture
def folder(tmp_path):
    """Eight photos with masks."""
    rng = np.random.default_rng(0)
    for index in range(8):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 20:30] = 255
        for kind, data in (('images', rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)), ('masks', mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f'{index}.png'), data)
    return tmp_path


def images(folder, **changes):
    return dict(type='ImageFolderDataset', data_root=str(folder / 'images'), masks=str(folder / 'masks'),
                pipeline=PIPELINE, **{'skeleton': 'h36m18', **changes})


def pairs_config(root, **changes):
    changes = {'skeleton': 'h36m18', **changes}
    return dict(type='SyntheticPairDataset', data_root=str(root), pipeline=PIPELINE, **changes)


def test_whole_data_has_no_problem(folder, pair_root):
    cfg = Config(dict(
        model=dict(head=dict(num_keypoints=18)),
        train_dataloader=dict(dataset=dict(type='PairedDataset', target=images(folder),
                                           synthetic=pairs_config(pair_root))),
        val_dataloader=dict(dataset=images(folder)), test_dataloader=None))
    reports = check_config(cfg)
    assert [(r.name, r.samples, r.checked, r.masks, r.labels) for r in reports] == [
        ('train.target', 8, 8, 8, 0), ('train.synthetic', 10, 10, 10, 10)], 'equal data sets stand once'
    assert [r.problems for r in reports] == [[], []]
    assert [r.checked for r in check_config(cfg, num=3)] == [3, 3]


def test_data_sets_inside_mixtures_are_found(folder):
    mixed = dict(type='MixedDataset', datasets=[images(folder), images(folder, sample_interval=2)])
    cfg = dict(train_dataloader=dict(dataset=dict(type='PairedDataset', target=mixed, synthetic=dict(type='B'))),
               test_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dict(type='C'))))
    assert list(dataset_configs(cfg)) == [
        'train.target.datasets[0]', 'train.target.datasets[1]', 'train.synthetic', 'test.dataset']


def test_data_sets_are_made_of_parts_and_of_data_sets():
    pairs = SimpleNamespace(parts={'target': 'a', 'synthetic': 'b'})
    assert inner_datasets(pairs) == ['a', 'b'] and inner_datasets(SimpleNamespace(datasets=['c'])) == ['c']
    assert inner_datasets(SimpleNamespace()) == []


def test_every_bad_file_is_counted_by_its_kind(folder):
    blank = np.zeros((40, 60), np.uint8)
    cv2.imwrite(str(folder / 'masks/0.png'), blank)
    cv2.imwrite(str(folder / 'masks/1.png'), blank[:20])
    cv2.imwrite(str(folder / 'masks/2.png'), blank + 255)
    (folder / 'masks/3.png').unlink()
    photo = folder / 'images/4.png'
    photo.write_bytes(photo.read_bytes()[:300])
    (folder / 'masks/5.png').write_bytes(b'no image')
    report = check_dataset('train', images(folder))
    assert report.counts == {'empty mask': 1, 'mask size': 1, 'full mask': 1, 'missing mask': 1, 'unreadable': 2}
    assert report.samples == 3 and report.to_dict()['counts'] == report.counts
    assert any('1.png' in what and '60 x 40' in what for kind, what in report.problems if kind == 'mask size')


def test_missing_data_and_other_keypoints(folder, pair_root, tmp_path):
    absent = check_dataset('train', images(tmp_path / 'nowhere'))
    assert absent.samples is None and list(absent.counts) == ['missing']
    tiny = dict(name='tiny', keypoints=['a', 'b'], parents=[0, 0])
    other = check_dataset('train', pairs_config(pair_root, skeleton=tiny))
    assert other.counts == {'cannot be read': 1} and '18 keypoints per pose' in other.problems[0][1]
    cfg = dict(model=dict(head=dict(num_keypoints=2)), test_dataloader=dict(dataset=images(folder)))
    assert check_config(cfg)[0].problems == [
        ('keypoint count', 'the skeleton has 18 keypoints, model.head.num_keypoints is 2')]
    cfg = dict(train_dataloader=dict(dataset=dict(target=images(folder), synthetic=images(folder, skeleton=tiny))))
    assert check_config(cfg)[1].counts == {'keypoint count': 1}


def test_nothing_is_rendered(pair_root, tmp_path):
    report = check_dataset('train', pairs_config(tmp_path / 'none', generator=dict(body_model=dict()), num=4))
    assert report.problems == [] and 'not rendered' in report.notes[0] and not (tmp_path / 'none').exists()
    assert check_dataset('train', pairs_config(tmp_path / 'none')).counts == {'missing': 1}
    written = sorted(pair_root.rglob('*'))
    there = check_dataset('train', pairs_config(pair_root, generator=dict(body_model=dict()), num=4, test_mode=True))
    assert (there.samples, there.checked, there.problems) == (4, 4, [])
    assert sorted(pair_root.rglob('*')) == written


def test_a_pipeline_that_fails_is_a_problem(folder):
    broken = [*PIPELINE[:2], dict(type='SquareCropAffine', input_size=(32, 32))]
    report = check_dataset('train', {**images(folder), 'pipeline': broken}, num=2)
    assert report.counts == {'pipeline': 2} and 'KeyError' in report.problems[0][1]


def sample(**changes):
    """A pose that projects to where its keypoints are."""
    points = np.array([[[0, 0, 4000.0], [200, 400, 4100.0]]])
    K = np.array([[1000.0, 0, 50], [0, 1000.0, 40], [0, 0, 1]])
    pixels = points[..., :2] / points[..., 2:] * 1000 + [50, 40]
    return dict(img=np.zeros((200, 200, 3), np.uint8), bbox=np.array([[40, 30, 110, 150]]), keypoints=pixels,
                keypoints_cam=points, camera=dict(K=K), **changes)


def test_labels_and_cameras_are_compared():
    assert sample_problems(sample(), 2) == []
    assert sample_problems(sample(), 3)[0][0] == 'keypoint count'
    wrong = sample()
    wrong['camera'] = dict(K=wrong['camera']['K'] * [[2], [2], [1]])
    assert [kind for kind, _ in sample_problems(wrong, 2)] == ['camera']
    behind = sample()
    behind['keypoints_cam'] = -behind['keypoints_cam']
    assert '2 keypoints lie behind the camera' in sample_problems(behind, 2)[0][1]
    flat = sample()
    flat['camera'] = dict(K=np.zeros((3, 3)))
    assert 'positive focal lengths' in sample_problems(flat, 2)[0][1]
    lost = sample()
    lost['keypoints'] = lost['keypoints'] * np.nan
    assert sample_problems(lost, 2) == [('label', 'keypoints holds numbers that are not finite')]


@pytest.mark.parametrize(('box', 'message'), [
    (None, 'no box'), ([[5, 5, 5, 9]], 'no area'), ([[300, 0, 400, 50]], 'outside the image of 200 x 200 px')])
def test_boxes_lie_in_the_image(box, message):
    found = sample_problems(dict(img=np.zeros((200, 200, 3), np.uint8), bbox=None if box is None else np.array(box)))
    assert found[0][0] == 'box' and message in found[0][1]


def test_missing_and_odd_files_of_one_sample(folder):
    box = np.array([[0, 0, 60, 40]])
    there = dict(img_path=str(folder / 'images/0.png'), bbox=box)
    assert sample_problems(dict(there, mask_path=str(folder / 'masks/0.png'))) == []
    assert sample_problems(dict(there, img_path=str(folder / 'no.png')))[0][0] == 'missing'
    assert sample_problems(dict(there, mask_path=str(folder / 'no.png')))[0][0] == 'missing mask'
    (folder / 'masks/0.png').write_bytes(b'x')
    assert sample_problems(dict(there, mask_path=str(folder / 'masks/0.png')))[0][0] == 'unreadable mask'
    assert sample_problems(dict(there, mask=np.ones((4, 4))))[0][0] == 'mask size'
