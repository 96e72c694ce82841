from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample, merge_data_samples

from mmxas.codecs.predictions import (
    as_numpy,
    camera_mm,
    crop_box,
    crop_normalised,
    crop_pixels,
    image_mm,
    parallel,
    read_prediction,
    width_mm,
)
from mmxas.datasets.transforms import SquareCropAffine
from mmxas.ops import camera_to_image, norm_to_camera, norm_to_image, norm_to_pixel

K = np.array([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]])
SIDE, SIZE, DEPTH = 400.0, 64, 5000.0  # px of the image, px of the crop, mm: the crop is 2000 mm wide
POSES = np.random.default_rng(0).normal(0, 300, (3, 6, 3)) + [100, -50, DEPTH]


def sample(unit='mm', **other):
    """Three exact hypotheses; the crop is the one that the transform cuts around (352, 230)."""
    results = SquareCropAffine((SIZE, SIZE)).transform(dict(
        img=np.zeros((480, 640, 3), np.uint8), bbox_center=np.array([[352.5, 230.5]]),
        bbox_scale=np.full((1, 2), SIDE)))
    image = camera_to_image(POSES, K, DEPTH) / [1, 1, 1 if unit == 'mm' else 2000]
    known = dict(camera=dict(K=K), root_depth=DEPTH, rect_3d_width=2000.0) if unit == 'mm' else {}
    meta = {name: results[name] for name in ('input_size', 'input_center', 'input_scale', 'warp_mat')} | known | other
    return PoseDataSample(metainfo=meta, pred_instances=InstanceData(
        keypoints=image[None, 0], hypotheses=image[None], hypothesis_scores=np.full((1, 3, 6), 0.5),
        hypothesis_valid=torch.tensor([[[True] * 6, [False] * 6, [True] * 6]]), depth_unit=[unit]))


def test_a_prediction_holds_what_the_sample_says():
    found = read_prediction(sample())
    assert found.hypotheses.shape == (3, 6, 3) and found.hypotheses.dtype == np.float64
    assert found.valid.tolist() == [[True] * 6, [False] * 6, [True] * 6] and (found.scores == 0.5).all()
    assert (found.depth_unit, found.rect_3d_width, found.root_depth, found.crop_size) == ('mm', 2000, 5000, 64)
    np.testing.assert_allclose(found.crop, [152, 30, 552, 430], atol=1e-4)
    from_dict = read_prediction(sample().to_dict())
    assert all(np.array_equal(getattr(from_dict, name), value) for name, value in vars(found).items())


@pytest.mark.parametrize('align_corners', [False, True])
def test_every_view_leads_back_by_the_named_conversions(align_corners):
    found = read_prediction(sample(align_corners=align_corners))
    np.testing.assert_allclose(camera_mm(found), POSES, atol=1e-8)
    np.testing.assert_allclose(image_mm(found), camera_to_image(POSES, K, DEPTH))
    norm = crop_normalised(found)
    np.testing.assert_allclose(norm_to_pixel(norm[..., :2], SIZE, align_corners), crop_pixels(found)[..., :2])
    np.testing.assert_allclose(
        norm_to_image(norm, found.warp, SIZE, 2000.0, align_corners), found.hypotheses, atol=1e-8)
    lifted = norm_to_camera(norm, found.warp, SIZE, K, DEPTH, 2000.0, align_corners)
    np.testing.assert_allclose(lifted, POSES, atol=1e-8)
    assert norm[0, 0, 2] * 2000 == pytest.approx((POSES[0, 0, 2] - DEPTH) * (64 / 63 if align_corners else 1))


def test_px_of_the_image_are_px_of_the_crop():
    """The middle of the crop, and the centre of its first px, which is 6.25 px of the image wide."""
    middle = read_prediction(sample())
    points = np.array([[[352.0, 230.0, 7.0], [152 + 3.125, 30 + 3.125, 0]]])
    middle = replace(middle, hypotheses=points)
    np.testing.assert_allclose(crop_pixels(middle), [[[31.5, 31.5, 7], [0, 0, 0]]], atol=1e-9)
    np.testing.assert_allclose(crop_normalised(middle)[0, :, :2], [[0, 0], [-63 / 64, -63 / 64]], atol=1e-9)


def test_depths_in_sides_of_the_crop_need_a_width_for_mm():
    found = read_prediction(sample('crop'))
    assert width_mm(found) is None and found.depth_unit == 'crop'
    np.testing.assert_allclose(crop_normalised(found), crop_normalised(read_prediction(sample())), atol=1e-9)
    flat = parallel(found)
    np.testing.assert_allclose(flat, found.hypotheses / [SIDE, SIDE, 1])
    with pytest.raises(ValueError, match="need the crop's rect_3d_width, or intrinsics and root depth; none is known"):
        image_mm(found)
    with pytest.raises(ValueError, match='the camera frame needs intrinsics and root depth'):
        camera_mm(found)
    later = replace(found, intrinsics=K, root_depth=DEPTH)  # a camera that becomes known
    assert width_mm(later) == pytest.approx(2000)
    np.testing.assert_allclose(camera_mm(later), POSES, atol=1e-8)
    np.testing.assert_allclose(parallel(later), found.hypotheses * [5, 5, 2000])


def test_of_several_instances_each_has_its_own_crop_and_none_the_first_ones_camera():
    other = sample('crop', input_center=np.array([100.0, 100.0]), input_scale=np.full(2, 80.0))
    first = sample('crop')
    for one in (first, other):
        one.pred_instances.crop_boxes = crop_box(one.metainfo)[None]
    found = read_prediction(merge_data_samples([first, other]), 1)
    np.testing.assert_allclose(found.crop, [59.375, 59.375, 139.375, 139.375])
    np.testing.assert_allclose(found.warp, [[0.8, 0, -48], [0, 0.8, -48]])
    assert crop_pixels(replace(found, hypotheses=np.full((1, 1, 3), 99.375)))[0, 0, :2] == pytest.approx([31.5, 31.5])
    merged = read_prediction(merge_data_samples([sample(), sample()]), 1)
    assert merged.intrinsics is None and merged.root_depth is None and merged.rect_3d_width == 2000


def test_one_pose_of_x_and_y_is_one_flat_hypothesis():
    found = read_prediction(dict(pred_instances=dict(
        keypoints=np.array([[[10.0, 10], [30, 50]]]), keypoint_scores=np.array([[0.5, 0.7]]))))
    assert found.hypotheses.tolist() == [[[10, 10, 0], [30, 50, 0]]] and found.scores.tolist() == [[0.5, 0.7]]
    assert found.valid.all() and found.rect_3d_width is None
    assert found.crop_side == found.crop_size == 50  # 1.25 times the larger side


def test_arrays_of_whatever_holds_them():
    assert as_numpy(torch.ones(2, requires_grad=True)).tolist() == [1, 1] and as_numpy([[1], [2]], 1).tolist() == [2]
    assert as_numpy(None) is None and as_numpy(None, 1) is None
