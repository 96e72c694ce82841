import os
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import H36MPoseDataset
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import DATASETS

DATA = Path(os.environ.get('MMXAS_DATA_DIR') or Path(__file__).parents[3] / '../shared/data').resolve() / 'h36m'
NAME = 'S9/S9_Walking_1.54138969/S9_Walking_1.54138969_000001.jpg'
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='SquareCropAffine', input_size=(64, 64)),
            dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
            dict(type='PackXASInputs')]
real = pytest.mark.skipif(not DATA.is_dir(), reason=f'no sample of Human3.6M in {DATA} (set MMXAS_DATA_DIR)')


@pytest.fixture
def root(tmp_path):
    """One frame in the layout of mmpose, with a mask."""
    rng = np.random.default_rng(0)
    for kind, suffix in (('images', '.jpg'), ('masks', '.png')):
        (tmp_path / kind / NAME).parent.mkdir(parents=True)
        mask = np.zeros((200, 200, 3), np.uint8)
        mask[50:90, 60:80] = 255
        cv2.imwrite(str((tmp_path / kind / NAME).with_suffix(suffix)), mask)
    poses = rng.uniform([-0.5, -0.8, 4.5, 1], [0.5, 0.8, 5.5, 1], (1, 17, 4))
    np.savez(tmp_path / 'test.npz', imgname=np.array([NAME]), center=np.array([[100.0, 90.0]]), scale=np.array([0.5]),
             S=poses, part=rng.uniform(50, 150, (1, 17, 3)))
    cameras = {('S9', '54138969'): dict(f=np.array([[250.0], [252.0]]), c=np.array([[100.0], [101.0]]))}
    (tmp_path / 'cameras.pkl').write_bytes(pickle.dumps(cameras))
    return tmp_path


def build(root, **kwargs):
    kwargs = dict(dict(ann_file='test.npz', data_prefix=dict(img='images')), **kwargs)
    return DATASETS.build({'type': 'H36MPoseDataset', 'data_root': str(root), 'skeleton': 'h36m18', **kwargs})


def test_labels_and_names(root):
    info = build(root, with_labels=True).get_data_info(0)
    assert (info['subject'], info['clip'], info['frame'], info['camera_name']) == ('S9', 'Walking', 1, '54138969')
    points = info['keypoints_cam'][0]
    assert points.shape == (18, 3) and 4400 < info['root_depth'] < 5600
    assert np.allclose(points[17], (points[11] + points[14]) / 2)
    assert np.allclose(info['keypoints'][0, 17], (info['keypoints'][0, 11] + info['keypoints'][0, 14]) / 2)


def test_masks_that_it_reads_with_boxes_of_the_keypoints(root):
    """Before any of them is there, and without labels in the samples."""
    (root / 'masks' / NAME).with_suffix('.png').unlink()
    dataset = build(root, data_prefix=dict(img='images', mask='masks'), lazy_init=True)
    (record, ) = dataset.mask_records()
    assert record['mask_path'] == str((root / 'masks' / NAME).with_suffix('.png'))
    assert record['img_path'] == str(root / 'images' / NAME) and not dataset.with_labels
    part = np.load(root / 'test.npz')['part'][0, :, :2]
    grown = 0.1 * np.ptp(part, axis=0).max()
    np.testing.assert_allclose(record['box'], [*(part.min(0) - grown), *(part.max(0) + grown)], rtol=1e-5)
    assert list(build(root, lazy_init=True).mask_records()) == []
    with pytest.raises(FileNotFoundError, match='1 of 1 masks are missing'):
        dataset.full_init()


def test_actions_of_subject_1_have_the_names_of_the_others(root):
    content = dict(np.load(root / 'test.npz'))
    name = 'S1/S1_WalkingDog_1.54138969/S1_WalkingDog_1.54138969_000006.jpg'
    np.savez(root / 'test.npz', **{**content, 'imgname': np.array([name])})
    (root / 'images' / name).parent.mkdir(parents=True)
    shutil.copy(root / 'images' / NAME, root / 'images' / name)
    info = build(root, box='annotation', actions=['WalkDog']).get_data_info(0)
    assert (info['action'], info['clip'], info['sequence']) == ('WalkDog', 'WalkDog', 'S1_WalkDog_1')


def test_sampling_keeps_the_same_frame_sets_of_all_cameras(root):
    content = dict(np.load(root / 'test.npz'))
    names = [NAME.replace('54138969', camera).replace('000001', f'{frame:06d}')
             for camera, last in (('54138969', 26), ('55011271', 21)) for frame in range(1, last + 1, 5)]
    np.savez(root / 'test.npz', **{key: np.repeat(value, len(names), 0) for key, value in content.items()
                                   if key != 'imgname'}, imgname=np.array(names))
    for name in names:
        (root / 'images' / name).parent.mkdir(parents=True, exist_ok=True)
        if name != NAME:
            shutil.copy(root / 'images' / NAME, root / 'images' / name)
    records = build(root, box='annotation', sample_interval=2).load_data_list()
    frames = {camera: [record['frame'] for record in records if record['camera_name'] == camera]
              for camera in ('54138969', '55011271')}
    assert frames == {'54138969': [1, 11, 21], '55011271': [1, 11, 21]}
    assert len(build(root, box='annotation', cameras=['55011271'])) == 5


def test_boxes(root):
    dataset = build(root, pipeline=PIPELINE, with_labels=True)
    assert dataset[0]['data_samples'].metainfo['rect_3d_width'] == pytest.approx(2000, rel=1e-5)
    annotation = build(root, box='annotation').get_data_info(0)['bbox'][0]
    assert np.allclose((annotation[2:] - annotation[:2]) * 1.25, 100) and np.allclose(annotation[:2], [60, 50])
    masks = dict(img='images', mask='masks')
    masked = build(root, box='mask', data_prefix=masks, pipeline=PIPELINE)
    assert masked.get_data_info(0)['bbox'].tolist() == [[60, 50, 80, 90]]
    assert masked[0]['data_samples'].gt_fields.mask.mean() == pytest.approx(20 * 40 / 50**2, rel=0.05)
    with pytest.raises(ValueError, match="box='mask' needs the folder of masks"):
        build(root, box='mask')


def test_without_labels_none_is_read(root):
    """Poses of NaN and no camera file: neither is needed, and the sample is the same."""
    clean = build(root, box='annotation', pipeline=PIPELINE)[0]
    content = dict(np.load(root / 'test.npz'))
    np.savez(root / 'test.npz', **dict(content, S=content['S'] * np.nan, part=content['part'] * np.nan))
    (root / 'cameras.pkl').unlink()
    other = build(root, box='annotation', pipeline=PIPELINE)[0]
    assert (clean['inputs'] == other['inputs']).all()
    assert not {'camera', 'root_depth', 'rect_3d_width'} & set(other['data_samples'].metainfo)
    assert set(other['data_samples'].gt_instances.keys()) == {'bboxes', 'bbox_scores', 'bbox_scales'}


def test_with_a_root_box_only_the_box_is_known(root):
    info = build(root, box='root').get_data_info(0)
    assert info['box_source'] == 'root'
    assert not {'keypoints', 'keypoints_cam', 'camera', 'root_depth'} & set(info)


def test_bad_input_is_named(root):
    with pytest.raises(FileNotFoundError, match='absent.npz'):
        build(root, ann_file='absent.npz')
    with pytest.raises(ValueError, match=r"no frame is left of subject in \['S1'\]"):
        build(root, subjects=['S1'])
    with pytest.raises(ValueError, match='on_error'):
        build(root, on_error='ignore')
    with pytest.raises(ValueError, match=r"no frame is left of action in \['Greeting'\]"):
        build(root, actions=['Greeting'])
    toy = dict(name='toy', keypoints=['a', 'b'], parents=[0, 0])
    with pytest.raises(ValueError, match="18 keypoints per pose, but the skeleton 'toy' has 2"):
        build(root, skeleton=toy)
    (root / 'cameras.pkl').write_bytes(pickle.dumps({}))
    with pytest.raises(KeyError, match=r"no camera \('S9', '54138969'\)"):
        build(root)
    (root / 'cameras.pkl').unlink()
    with pytest.raises(FileNotFoundError, match='cameras.pkl: no such file'):
        build(root)
    shutil.rmtree(root / 'images')
    with pytest.raises(OSError, match=r'S9_Walking_1.54138969_000001.jpg: no such file'):
        build(root, box='annotation')
    content = dict(np.load(root / 'test.npz'), imgname=np.array(['walking.jpg']))
    np.savez(root / 'test.npz', **content)
    with pytest.raises(ValueError, match=r"frame name 'walking.jpg', expected the form S1_Directions_1"):
        build(root, box='annotation')


@real
def test_order_of_keypoints_by_projection():
    """Poses projected by their cameras fall on the image keypoints; the lens' distortion is all that is left."""
    dataset = H36MPoseDataset('test_h36m_body3d.npz', data_root=str(DATA), with_labels=True, skeleton='h36m18')
    assert len(dataset) == 4
    assert len(build(DATA, ann_file='test_h36m_body3d.npz', data_prefix=None, actions=['Greeting'])) == 1
    for i in range(4):
        info = dataset.get_data_info(i)
        projected = camera_to_image(info['keypoints_cam'][0].astype(float), info['camera']['K'])[:, :2]
        assert np.linalg.norm(projected - info['keypoints'][0], axis=-1).max() < 4
        wrong = np.linalg.norm(projected[list(dataset.skeleton.flip_indices)] - info['keypoints'][0], axis=-1)
        assert wrong.max() > 20


@real
def test_real_frames_pass_the_pipeline():
    dataset = H36MPoseDataset('test_h36m_body3d.npz', data_root=str(DATA), with_labels=True, pipeline=PIPELINE,
                              skeleton='h36m18')
    clips = set()
    for i in range(4):
        sample = dataset[i]['data_samples']
        clips.add(sample.metainfo['clip'])
        assert sample.metainfo['action'] == sample.metainfo['clip']
        assert sample.metainfo['sample_name'].startswith(f"{sample.metainfo['subject']}/")
        assert f".{sample.metainfo['camera_name']}_" in sample.metainfo['sample_name']
        assert sample.metainfo['rect_3d_width'] == pytest.approx(2000, rel=1e-4)
        norm = sample.gt_instance_labels.keypoint_norm[0].numpy()
        assert np.abs(norm[0]).max() < 0.01 and np.abs(norm).max() < 1.2
    assert clips == {'Directions', 'SittingDown', 'Greeting', 'WalkDog'}


def test_cameras_of_another_form_are_named(root):
    good = dict(f=[250.0, 252.0], c=[100.0, 101.0], R=np.eye(3), T=np.zeros(3))
    for camera, message in ((None, 'has no f'), ({**good, 'f': 'x'}, "f is 'x'"), ({**good, 'R': 1.0}, 'R is 1.0'),
                            ({key: good[key] for key in ('f', 'c', 'R')}, 'has no T')):
        (root / 'cameras.pkl').write_bytes(pickle.dumps({('S9', '54138969'): camera}))
        with pytest.raises(ValueError, match=rf"cameras.pkl: camera \('S9', '54138969'\): {message}"):
            build(root)
