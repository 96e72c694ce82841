import numpy as np
import pytest

from mmxas.datasets.datasets import XASDataset
from mmxas.ops.boxes import square_crop_matrix
from mmxas.ops.geometry import apply_affine
from mmxas.structures import load_skeleton

K = np.array([[1000.0, 0, 500], [0, 1010.0, 400], [0, 0, 1]])


class OnePose(XASDataset):
    def load_data_list(self):
        return [dict(id=0, img_path='a.jpg')]


def test_metainfo_is_the_skeletons_and_can_be_replaced():
    dataset = OnePose('h36m18')
    assert dataset.metainfo['num_keypoints'] == 18 and OnePose.METAINFO['dataset_name'] == 'h36m18'
    toy = dict(name='toy', keypoints=['a', 'b', 'c'], parents=[0, 0, 0], flip_pairs=[['b', 'c']])
    assert OnePose(skeleton=toy).metainfo['flip_indices'] == [0, 2, 1]
    other = dict(load_skeleton(toy).to_metainfo(), dataset_name='other')
    assert OnePose(skeleton=toy, metainfo=other).metainfo['dataset_name'] == 'other'


def test_there_is_no_skeleton_unless_it_is_said():
    with pytest.raises(ValueError, match='no skeleton given: state it as model.skeleton of the config'):
        OnePose()


def test_sample_holds_the_metainfo_and_the_domain():
    info = OnePose('h36m18', domain='synthetic').get_data_info(0)
    assert info['domain'] == 'synthetic' and info['flip_indices'][1] == 4 and info['sample_idx'] == 0
    assert not {'keypoints', 'keypoints_cam', 'camera', 'root_depth'} & set(info)


def test_labels_project_by_the_camera():
    points = np.tile([[100.0, -200.0, 4000.0]], (18, 1))
    points[1] = [0, 0, 5000]
    labels = OnePose('h36m18').labels(points, K)
    assert np.allclose(labels['keypoints'][0, 0], [500 + 25, 400 - 50.5])
    assert np.allclose(labels['keypoints'][0, 1], [500, 400])
    assert labels['root_depth'] == 4000 and labels['keypoints_cam'].shape == (1, 18, 3)
    given = OnePose('h36m18').labels(points, K, np.zeros((18, 2)))
    assert (given['keypoints'] == 0).all()


def test_box_around_the_root_becomes_a_crop_of_2000_mm_after_padding():
    box = OnePose('h36m18', box='root', crop_padding=1.25).root_bbox(np.array([100.0, -200.0, 4000.0]), K)[0]
    side = (box[2] - box[0]) * 1.25
    assert side == pytest.approx(2000 * 1005 / 4000, rel=1e-6)
    warp = square_crop_matrix(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), side, 256)
    assert np.allclose(apply_affine(np.array([[525.0, 349.5]]), warp), 127.5, atol=1e-3)


def test_refusals():
    with pytest.raises(ValueError, match="box='whole'"):
        OnePose('h36m18', box='whole')
    with pytest.raises(ValueError, match="domain='real'"):
        OnePose('h36m18', domain='real')
    with pytest.raises(ValueError, match="set: 17 keypoints per pose, but the skeleton 'h36m18' has 18"):
        OnePose('h36m18').check_keypoints(17, 'set')
