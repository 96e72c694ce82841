"""What testing predicts: views of a crop, the search for the facing, and poses in image pixels."""
import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from test_models.conftest import SIZE, estimator_config

from mmxas.codecs.predictions import read_prediction
from mmxas.ops import norm_to_pixel
from mmxas.ops.mask_share import mask_share
from mmxas.ops.zoom import zoom_back, zoom_crops

FACING_NECK = dict(type='FacingFusionNeck', in_channels=(8, ), out_channels=8)


def test_prediction_in_image_pixels(make_estimator, batch):
    model = make_estimator().eval()
    with torch.no_grad():
        samples = model.predict(*batch)
    for sample in samples:
        predicted = sample.pred_instances
        assert predicted.hypotheses.shape == (1, 3, 18, 3)
        assert predicted.hypothesis_scores.shape == predicted.hypothesis_valid.shape == (1, 3, 18)
        np.testing.assert_allclose(predicted.keypoints, predicted.hypotheses[:, 0], rtol=1e-6)
        norm = predicted.hypotheses_norm
        # 64 px of the image, around (100, 50), became 32 px of the crop; the crop is a box of 2 m
        expected = np.stack([(((norm[..., i] + 1) * 32 - 1) / 2) * 2 + (68, 18)[i] for i in range(2)], -1)
        np.testing.assert_allclose(predicted.hypotheses[..., :2], expected, rtol=1e-5)
        np.testing.assert_allclose(predicted.hypotheses[..., 2], 2000 * norm[..., 2], rtol=1e-5)
        assert predicted.depth_unit == ['mm']


def test_flip_test_of_a_mirrored_image_mirrors_the_hypotheses(make_estimator, batch):
    model = make_estimator(test_cfg=dict(flip_test=True)).eval()
    inputs, samples = batch
    with torch.no_grad():
        plain = model.predict(inputs[:1], samples[:1])[0].pred_instances
        mirrored = model.predict(inputs[:1].flip(-1), copy.deepcopy(samples[:1]))[0].pred_instances
    order = list(samples[0].metainfo['flip_indices'])
    expected = plain.hypotheses_norm[:, :, order] * np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored.hypotheses_norm, expected, atol=1e-5)


def test_both_backgrounds_average_the_crop_and_the_body_on_its_mask(make_estimator, batch):
    normalisation = dict(
        type='mmpose.PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    model, plain = (make_estimator(test_cfg=cfg, data_preprocessor=normalisation).eval()
                    for cfg in (dict(background='both'), {}))
    plain.load_state_dict(model.state_dict())
    inputs, samples = batch[0][:2], copy.deepcopy(batch[1][:2])
    mask = torch.zeros(1, *inputs.shape[2:])
    mask[:, 10:30, 5:25] = 1
    samples[0].gt_fields = PixelData(mask=mask)
    samples[1].gt_fields = PixelData(mask=torch.zeros_like(mask))  # an empty mask: the crop as it is
    removed = model.without_background(inputs, samples)
    black = torch.tensor([-123.675 / 58.395, -116.28 / 57.12, -103.53 / 57.375])
    torch.testing.assert_close(removed[0, :, 0, 0], black)
    assert torch.equal(removed[0, :, 10:30, 5:25], inputs[0, :, 10:30, 5:25]) and torch.equal(removed[1], inputs[1])
    with torch.no_grad():
        volumes = [plain.head(plain.extract_feat(view)) for view in (inputs, removed)]
        whole, alone = (volume.view(2, 18, -1).softmax(-1) for volume in volumes)
        size = volumes[0].shape[-2:]
        masks = torch.stack([F.adaptive_avg_pool2d(sample.gt_fields.mask, size) for sample in samples])
        share = mask_share(whole.view(2, 18, -1, *size).sum(2), masks).unsqueeze(-1)
        assert share[0].min() > 0 and share[0].max() < 1
        mean = (whole + share * alone) / (1 + share)
        wanted = plain.head.decode_volume(mean.log().view_as(volumes[0]))[0].keypoints
        found = model.predict(inputs, samples)
    for sample, poses in zip(found, wanted, strict=True):
        np.testing.assert_allclose(sample.pred_instances.hypotheses_norm[0], poses, atol=1e-5)
        assert sample.metainfo['background'] == 'kept, and removed by masks'


def test_zooms_with_and_without_background_are_averaged_before_the_mask_weights_them(make_estimator, batch):
    zooms = [1.0, 0.5]
    normalisation = dict(type='mmpose.PoseDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3)
    model = make_estimator(test_cfg=dict(background='both', zooms=zooms), data_preprocessor=normalisation).eval()
    inputs, samples = batch[0][:2], copy.deepcopy(batch[1][:2])
    for sample in samples:
        sample.gt_fields = PixelData(mask=torch.zeros(1, *inputs.shape[2:]))
        sample.gt_fields.mask[:, 4:24, 8:28] = 1
    head = model.head
    with torch.no_grad():
        means = []
        for crops in (inputs, model.without_background(inputs, samples)):
            views = [head(model.extract_feat(zoom_crops(crops, zoom))).unflatten(1, (18, -1)) for zoom in zooms]
            means.append(sum(zoom_back(view, zoom).flatten(2).softmax(-1) for view, zoom in zip(views, zooms)) / 2)
            size = views[0].shape[-3:]
        masks = F.adaptive_avg_pool2d(samples[0].gt_fields.mask, size[1:]).expand(2, -1, -1, -1)
        share = mask_share(means[0].view(2, 18, *size).sum(2), masks).unsqueeze(-1)
        wanted = head.decode_volume(((means[0] + share * means[1]) / (1 + share)).log().view(2, -1, *size[1:]))[0]
        found = model.predict(inputs, samples)
    assert (means[0] - means[1]).abs().max() > 1e-5
    for sample, poses in zip(found, wanted.keypoints, strict=True):
        np.testing.assert_allclose(sample.pred_instances.hypotheses_norm[0], poses, atol=1e-5)


def test_an_unknown_background_is_refused(make_estimator):
    with pytest.raises(ValueError, match="test_cfg.background: one of 'crop', 'both' expected, got 'none'"):
        make_estimator(test_cfg=dict(background='none'))


@pytest.mark.parametrize('aligned', [False, True])
def test_predictions_say_how_the_codec_aligns(make_estimator, batch, aligned):
    decoder = dict(estimator_config()['head']['decoder'], align_corners=aligned)
    model = make_estimator(head=dict(estimator_config()['head'], decoder=decoder)).eval()
    with torch.no_grad():
        sample = model.predict(*batch)[0]
    found = read_prediction(sample)
    norm = sample.pred_instances.hypotheses_norm[0, :, :, :2]
    pixels = norm_to_pixel(norm, sample.metainfo['input_size'][0], aligned)
    scale, centre = sample.metainfo['input_scale'], sample.metainfo['input_center']
    np.testing.assert_allclose(found.hypotheses[..., :2], pixels / SIZE * scale + centre - scale / 2, atol=1e-3)
    assert found.align_corners is aligned


def test_heatmaps_of_zoomed_crops_are_averaged(make_estimator, batch):
    """What two zooms predict is the mean of the crop's heatmap and that of its enlarged middle."""
    inputs, samples = batch
    model = make_estimator(test_cfg=dict(zooms=[1.0, 0.5])).eval()
    with torch.no_grad():
        whole, middle = (model.head(model.extract_feat(x)) for x in (inputs, zoom_crops(inputs, 0.5)))
        shape = (model.head.num_keypoints, model.head.depth_bins)
        back = zoom_back(middle.unflatten(1, shape), 0.5).flatten(1, 2)
        mean = sum(x.view(len(inputs), shape[0], -1).softmax(-1) for x in (whole, back)) / 2
        wanted = model.head.decode_volume(mean.log().view_as(whole))[0].keypoints
        found = model.predict(inputs, samples)
    for sample, poses in zip(found, wanted, strict=True):
        np.testing.assert_allclose(sample.pred_instances.hypotheses_norm[0], poses, atol=1e-5)


@pytest.mark.parametrize('zooms', [[], [0], [1.2], 0.9, ['1']])
def test_a_zoom_is_a_part_of_the_crop(make_estimator, zooms):
    with pytest.raises(ValueError, match='test_cfg.zooms=.* such as'):
        make_estimator(test_cfg=dict(zooms=zooms))


def with_facings(make_estimator, count: int, **options):
    """An estimator with a ``FacingFusionNeck``, whose heatmaps depend strongly on the facing."""
    model = make_estimator(neck=FACING_NECK, head=dict(estimator_config()['head'], in_index=0),
                           test_cfg=dict(facings=count, **options)).eval()
    with torch.no_grad():
        for layer in (model.neck.scale, model.neck.shift[0], model.neck.shift[2]):
            layer.weight.normal_()
    return model


def test_the_search_changes_the_facing_that_all_views_share(make_estimator, batch):
    inputs, samples = batch
    model = with_facings(make_estimator, 8, flip_test=True, zooms=[1.0, 0.5])
    with torch.no_grad():
        plain, mirrored = model.test_features(model.test_views(inputs, samples), samples)
        predicted = torch.cat([model.extract_feat(inputs)[1], model.extract_feat(zoom_crops(inputs, 0.5))[1]])
    torch.testing.assert_close(plain[1] * torch.tensor([1.0, -1.0]), mirrored[1])
    assert (plain[1] - predicted).norm(dim=1).min() > 1e-4
    assert torch.equal(plain[1][:6], plain[1][6:])


def test_the_search_changes_predictions_and_those_of_a_mirrored_image_are_mirrored(make_estimator, batch):
    inputs, samples = batch[0][:3], batch[1][:3]
    model = with_facings(make_estimator, 8, flip_test=True)
    with torch.no_grad():
        plain = model.predict(inputs, copy.deepcopy(samples))
        mirrored = model.predict(inputs.flip(-1), copy.deepcopy(samples))
        model.test_cfg = dict(flip_test=True)
        without = model.predict(inputs, copy.deepcopy(samples))
    order = list(samples[0].metainfo['flip_indices'])
    for one, other, third in zip(plain, mirrored, without, strict=True):
        assert np.abs(one.pred_instances.hypotheses_norm - third.pred_instances.hypotheses_norm).max() > 1e-2
        np.testing.assert_allclose(other.pred_instances.hypotheses_norm,
                                   one.pred_instances.hypotheses_norm[:, :, order] * np.array([-1, 1, 1]), atol=1e-4)


@pytest.mark.parametrize(('options', 'message'), [
    (dict(facing=8), 'model.test_cfg.facing is never used; did you mean facings'),
    (dict(facings=-1), r'test_cfg.facings: a number of directions \(0 or more\) expected, got -1'),
    (dict(facings=True), 'test_cfg.facings: a number of directions'),
    (dict(facing_weight=-0.1), 'test_cfg.facing_weight: a number of at least 0 expected, got -0.1'),
    (dict(facing_weight=float('nan')), 'test_cfg.facing_weight: a number of at least 0 expected, got nan'),
    (dict(facings=8), "test_cfg.facings=8 needs model.neck=dict.type='FacingFusionNeck'.*test_cfg.facings=0"),
    (dict(facings=8, zooms=[0.9, 1.0]), 'test_cfg.zooms must start with 1.0, found .0.9, 1.0.')])
def test_facings_that_cannot_be_tried_are_refused(make_estimator, options, message):
    neck = dict(neck=FACING_NECK, head=dict(estimator_config()['head'], in_index=0)) if 'zooms' in options else {}
    with pytest.raises(ValueError, match=message):
        make_estimator(test_cfg=options, **neck)


def test_a_skeleton_without_sides_has_no_facing_to_search_for(make_estimator):
    chain = dict(name='chain', keypoints=list('abc'), parents=[0, 0, 1], flip_pairs=[])
    head = dict(estimator_config()['head'], in_index=0, num_keypoints=3)
    with pytest.raises(ValueError, match="facings=8: the skeleton 'chain' has no left and right bones"):
        make_estimator(skeleton=chain, neck=FACING_NECK, head=head, test_cfg=dict(facings=8), physique=None,
                       discriminator=None, losses={})


def test_the_weight_of_the_predicted_facing_counts(make_estimator, batch):
    found = []
    for weight in (0.0, 1e6):
        model = with_facings(make_estimator, 8, facing_weight=weight)
        with torch.no_grad():
            model.neck.facing.bias.copy_(torch.tensor([0.3, 0.4]))  # between two candidates
            found.append(torch.linalg.norm(model.test_features(*batch)[1] - model.extract_feat(batch[0])[1], dim=1))
    assert found[0].max() > 0.1 and found[1].max() < 1e-6
