"""The official mat to json: structs of one member and of none, head boxes, splits, twice over, and bad files."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from mmxas.datasets.converters import mpii
from mmxas.datasets.converters.frames import UnreadableFileError
from mmxas.datasets.datasets import MPIIPoseDataset


def _point(k, x):
    return dict(x=x + 3.0 * k, y=40.0 + k, id=k, is_visible=k % 2)


def _body(x, points=16, **changes):
    body = dict(x1=x, y1=10.0, x2=x + 30, y2=50.0, annopoints=dict(point=[_point(k, x) for k in range(points)]),
                scale=0.5, objpos=dict(x=x + 20, y=60.0))
    body.update(changes)
    return {key: value for key, value in body.items() if value is not None}


def write_mat(path):
    """Four images: two bodies, one body with one keypoint, a body without keypoints, a test image."""
    images = [
        dict(image=dict(name='000000001.jpg'), annorect=[_body(20.0), _body(60.0, points=15)]),
        dict(image=dict(name='000000002.jpg'), annorect=_body(30.0, points=1)),
        dict(image=dict(name='000000003.jpg'), annorect=_body(30.0, annopoints=[])),
        dict(image=dict(name='000000004.jpg'), annorect=_body(30.0)),
        dict(image=dict(name='000000005.jpg'), annorect=[]),
    ]
    savemat(path, dict(RELEASE=dict(annolist=np.array(images, dtype=object), img_train=[1, 1, 1, 0, 1])))
    return path


@pytest.fixture
def mat(tmp_path):
    return write_mat(tmp_path / 'mpii_human_pose_v1_u12_1.mat')


def test_all_annotated_bodies_are_found(mat):
    entries = mpii.read_annotations(mat)
    assert [entry['image'][8] for entry in entries] == ['1', '1', '2']
    assert entries[0]['joints'][15] == [65.0, 55.0] and entries[0]['center'] == [40.0, 60.0]
    assert entries[0]['headbox'] == [20.0, 10.0, 50.0, 50.0] and entries[0]['scale'] == 0.5
    assert entries[0]['joints_vis'] == [1] * 16  # hidden ones too
    assert entries[1]['joints'][15] == [-1.0, -1.0] and entries[1]['joints_vis'] == [1] * 15 + [0]
    assert sum(entries[2]['joints_vis']) == 1


def test_splits_and_a_second_run(mat, tmp_path):
    (tmp_path / 'val.txt').write_text('000000002.jpg\n000000004.jpg\n')
    counts = mpii.convert(mat, tmp_path / 'out', tmp_path / 'val.txt')
    assert counts == {'trainval': 3, 'train': 2, 'val': 1}
    files = sorted((tmp_path / 'out' / 'annotations').iterdir())
    assert [file.name for file in files] == ['mpii_train.json', 'mpii_trainval.json', 'mpii_val.json']
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}
    # mmpose's own json serves as the list as well
    assert mpii.convert(mat, tmp_path / 'out', tmp_path / 'out' / 'annotations' / 'mpii_val.json') == counts
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files} == before
    assert mpii.convert(mat, tmp_path / 'other') == {'trainval': 3}


def test_the_data_set_reads_it(mat, tmp_path):
    mpii.convert(mat, tmp_path)
    (tmp_path / 'images').mkdir()
    for i in (1, 2):
        cv2.imwrite(str(tmp_path / 'images' / f'00000000{i}.jpg'), np.full((100, 120, 3), 90, np.uint8))
    dataset = MPIIPoseDataset('annotations/mpii_trainval.json', data_root=str(tmp_path), with_labels=True,
                              data_prefix=dict(img='images'), skeleton='h36m18')
    info = dataset.get_data_info(0)
    assert info['head_size'][0, 0] == pytest.approx(0.6 * 50)
    assert info['keypoints'][0, 13].tolist() == [64.0, 54.0]  # left wrist, counted from 0
    assert len(dataset) == 3


def test_bad_files(mat, tmp_path):
    with pytest.raises(UnreadableFileError, match=r'none\.mat: no such file'):
        mpii.convert(tmp_path / 'none.mat', tmp_path)
    (tmp_path / 'cut.mat').write_bytes(mat.read_bytes()[:400])
    with pytest.raises((UnreadableFileError, ValueError), match=r'cut\.mat'):
        mpii.convert(tmp_path / 'cut.mat', tmp_path)
    savemat(tmp_path / 'other.mat', dict(RELEASE=dict(annolist=[1])))
    with pytest.raises(ValueError, match='no img_train in RELEASE'):
        mpii.convert(tmp_path / 'other.mat', tmp_path)
    savemat(tmp_path / 'empty.mat', dict(RELEASE=dict(annolist=[], img_train=[])))
    with pytest.raises(ValueError, match='no keypoints are annotated in its 0 training images'):
        mpii.convert(tmp_path / 'empty.mat', tmp_path)
    with pytest.raises(UnreadableFileError, match='no such list'):
        mpii.convert(mat, tmp_path, tmp_path / 'none.txt')
    (tmp_path / 'wrong.txt').write_text('x.jpg')
    with pytest.raises(ValueError, match='none of its 1 images is annotated .* such as 000000001.jpg'):
        mpii.convert(mat, tmp_path, tmp_path / 'wrong.txt')
