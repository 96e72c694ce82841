import numpy as np
import torch

from mmxas.evaluation.mask_overlap import skeleton_mask_iou
from mmxas.ops.geometry import pixel_to_norm
from mmxas.ops.skeleton_drawing import draw_skeleton
from mmxas.structures import load_skeleton
from mmxas.synthesis import PairGenerator

SKELETON = load_skeleton(dict(name='line', keypoints=['a', 'b'], parents=[0, 0]))


def test_iou_of_a_drawing_with_itself_with_another_and_with_nothing():
    keypoints = np.array([[[-0.5, 0.0], [0.5, 0.0]]] * 3)
    own = (draw_skeleton(torch.tensor(keypoints[:1]).float(), SKELETON.drawn_links, 64) > 0.2).float()
    above = torch.zeros_like(own)
    above[..., :4, :] = 1
    iou = skeleton_mask_iou(keypoints, torch.cat([own, above, 0 * own]), SKELETON)
    assert np.allclose(iou, [1, 0, 0])


def test_iou_of_a_shift():
    keypoints = np.array([[[0.0, -0.5], [0.0, 0.5]]])
    mask = (draw_skeleton(torch.tensor(keypoints).float(), SKELETON.drawn_links, 128) > 0.2).float()
    same = skeleton_mask_iou(keypoints, mask, SKELETON)[0]
    shifted = skeleton_mask_iou(keypoints + [0.05, 0], mask, SKELETON)[0]
    assert same > 0.85 and 0.2 < shifted < 0.75


def test_the_drawing_is_that_of_the_models_frame():
    """-1 is the middle of the first column where corners are aligned, else its outer edge: three columns, or two."""
    keypoints = np.array([[[-1.0, -0.5], [-1.0, 0.5]]])
    drawn = (draw_skeleton(torch.tensor(keypoints).float(), SKELETON.drawn_links, 64, align_corners=True) > 0.2).float()
    assert drawn[0, 0, 32, :4].tolist() == [1, 1, 1, 0]
    assert skeleton_mask_iou(keypoints, drawn, SKELETON, align_corners=True)[0] == 1
    assert 0.6 < skeleton_mask_iou(keypoints, drawn, SKELETON)[0] < 0.75


def test_the_true_keypoints_cover_rendered_bodies():
    """What a perfect detector reaches: the number that the docs name, of a few poses."""
    generator = PairGenerator.from_config(dict(
        skeleton='h36m18', body_model=dict(type='SMPLBodyModel'),
        pose_source=dict(type='MocapPoses', clips=['run', 'dance_b']),
        camera=dict(type='SampledCamera'), appearance=dict(type='PartSegmentation'), image_size=96, margin=1.25))
    pairs = [generator.generate(index) for index in range(8)]
    keypoints = np.stack([pixel_to_norm(p.keypoints_cam[:, :2] / p.keypoints_cam[:, 2:] * p.K[[0, 1], [0, 1]]
                                        + p.K[:2, 2], 96) for p in pairs])
    masks = torch.tensor(np.stack([p.mask for p in pairs])[:, None]).float() / 255
    human = load_skeleton('h36m18')
    true = skeleton_mask_iou(keypoints, masks, human)
    assert 0.70 < true.mean() < 0.82 and true.min() > 0.55
    assert np.all(skeleton_mask_iou(keypoints[:, :, ::-1].copy(), masks, human) < true)
    for threshold in (0.05, 0.5):
        assert skeleton_mask_iou(keypoints, masks, human, threshold=threshold).mean() < true.mean()
