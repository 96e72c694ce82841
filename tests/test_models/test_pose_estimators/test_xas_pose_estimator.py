"""Equation 17: which terms are on, who receives which gradient, what is refused, what a prediction holds."""
import copy

import pytest
import torch
from mmengine.structures import PixelData
from test_models.conftest import estimator_config

from mmxas.models.layers import ChannelsLastBatchNorm2d
from mmxas.models.losses import SyntheticKeypointLoss
from mmxas.registry import MODELS

FULL = dict(mask=0.02, adversarial=1.0, render=0.5)


@MODELS.register_module(force=True)
class MisspeltLoss(SyntheticKeypointLoss):
    """Would never be called: the step asks for ``'labels'``."""

    reads = 'label'


OTHER = dict(name='other', keypoints=list('abcde'), parents=[0, 0, 0, 1, 2], flip_pairs=[[1, 2], [3, 4]])


def _gradients(model) -> dict[str, torch.Tensor]:
    return {n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}


def _backward(model, batch) -> dict[str, torch.Tensor]:
    model.zero_grad()
    losses = model.loss(*batch)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    return losses


def test_stage_decides_terms_domains_and_idle_modules(make_estimator, batch):
    model = make_estimator()
    model.set_stage(dict(render=1.0))
    assert model.domains == {'synthetic'}
    assert model.idle_modules() == {'physique', 'discriminator'}
    assert set(model.loss(*batch)) == {'loss_render', 'loss_idle'}
    model.set_stage(FULL)
    assert model.domains == {'synthetic', 'target'}
    assert model.idle_modules() == set()
    assert set(model.loss(*batch)) == {'loss_render', 'loss_mask', 'loss_adversarial',
                                       'loss_discriminator_adversarial'}
    model.set_stage(dict(mask=1.0, adversarial=0.0))
    assert model.domains == {'target'}


def test_channels_last_is_another_layout_of_the_same(make_estimator, batch):
    torch.manual_seed(0)
    plain = make_estimator()
    ours = make_estimator(channels_last=True)
    ours.load_state_dict(plain.state_dict())
    losses, gradients = [], []
    for model, layout in ((plain, torch.contiguous_format), (ours, torch.channels_last)):
        assert model.extract_feat(batch[0])[-1].is_contiguous(memory_format=layout)
        weights = [p for p in model.physique.parameters() if p.dim() == 4]
        assert all(weight.is_contiguous(memory_format=layout) for weight in weights)
        norm = ChannelsLastBatchNorm2d if layout == torch.channels_last else torch.nn.BatchNorm2d
        assert {type(m) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {norm}
        model.set_stage(FULL)
        losses.append(_backward(model, batch))
        gradients.append(_gradients(model))
    assert losses[0].keys() == losses[1].keys()
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value, rtol=1e-4, atol=1e-6, msg=name)
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, rtol=1e-2, atol=1e-5, msg=name)


def test_labels_of_targets_are_read_by_the_loss_that_asks_for_them(make_estimator, batch):
    model = make_estimator(losses=dict(planar=dict(type='PlanarKeypointLoss')))
    assert model.domains == {'target'}
    with pytest.raises(ValueError, match='target_0.jpg: has no keypoint_norm label'):
        model.loss(*batch)
    inputs, samples = batch
    for sample, labelled in zip(samples[:3], samples[3:]):
        sample.gt_instance_labels = labelled.gt_instance_labels
    losses = model.loss(inputs, samples)
    assert set(losses) == {'loss_planar', 'loss_idle'} and losses['loss_planar'] > 0


def test_weights_scale_their_terms(make_estimator, batch):
    model = make_estimator(backbone=dict(type='OneConvolution'))
    model.eval()
    model.set_stage(dict(render=1.0))
    plain = model.loss(*batch)['loss_render']
    model.set_stage(dict(render=0.25))
    torch.testing.assert_close(model.loss(*batch)['loss_render'], 0.25 * plain)


def test_every_parameter_takes_part_in_every_stage(make_estimator, batch):
    model = make_estimator()
    for stage in (dict(render=1.0), dict(mask=1.0), FULL):
        model.set_stage(stage)
        _backward(model, batch)
        assert all(p.grad is not None for p in model.parameters())
        for name in model.idle_modules():
            assert all(p.grad.abs().sum() == 0 for p in getattr(model, name).parameters())


def test_each_side_gets_its_own_adversarial_gradient(make_estimator, batch):
    """One backward equals two optimizers: detector from the generator term, discriminator from its own."""
    model = make_estimator().double()
    inputs, samples = batch[0].double(), batch[1]
    model.set_stage(dict(adversarial=1.0))
    _backward(model, (inputs, samples))
    together = _gradients(model)
    heatmaps = []
    poses, _ = model._detect(model.extract_feat(inputs[:3]), heatmaps)
    fake = poses.keypoints - poses.keypoints[:, :, :1]
    labels = torch.cat([s.gt_instance_labels.keypoint_norm for s in samples[3:]]).double()
    real = labels - labels[:, :1]
    loss = model.criteria['adversarial']
    model.zero_grad()
    loss.generator(model.discriminator(fake.flatten(0, 1)).view(3, 3), poses.valid).backward(retain_graph=True)
    detector = _gradients(model)
    model.zero_grad()
    loss.discriminator(model.discriminator(fake.detach().flatten(0, 1)).view(3, 3),
                       model.discriminator(real).view(3), poses.valid).backward()
    adversarial = _gradients(model)
    for name, gradient in together.items():
        own = adversarial if name.startswith('discriminator') else detector
        if name.startswith('physique'):
            assert not gradient.any()
            continue
        torch.testing.assert_close(gradient, own[name], msg=name)
    assert together['backbone.layer.weight'].abs().sum() > 0


def test_labels_of_targets_are_never_read(make_estimator, batch):
    model = make_estimator()
    inputs, samples = batch
    reference = model.loss(inputs, samples)
    poisoned = copy.deepcopy(samples)
    for sample, donor in zip(poisoned[:3], samples[3:], strict=True):
        sample.gt_instance_labels = donor.gt_instance_labels.clone()
        sample.gt_instance_labels.keypoint_norm.fill_(float('nan'))
    again = make_estimator().loss(inputs, poisoned)
    assert {k: v.item() for k, v in again.items()} == {k: v.item() for k, v in reference.items()}


def test_gradient_norms_are_logged(make_estimator, batch):
    model = make_estimator(grad_log_interval=1)
    model.set_stage(FULL)
    losses = model.loss(*batch)
    assert all(losses[f'grad/{name}'] > 0 for name in FULL)
    twice = make_estimator(grad_log_interval=1)
    twice.set_stage({**FULL, 'mask': 0.04})
    torch.testing.assert_close(twice.loss(*batch)['grad/mask'], 2 * losses['grad/mask'])


def test_gradients_too_small_for_float16_have_a_norm_all_the_same(make_estimator):
    """A scaler of the loss has them reach the weights: a norm of 0 would be a false alarm."""
    model = make_estimator(grad_log_interval=1)
    model.set_stage(dict(render=1.0))
    values = torch.randn(2, 18 * 8, 8, 8, generator=torch.Generator().manual_seed(0))
    norms = {}
    for dtype in (torch.float32, torch.float16):
        volume = values.to(dtype).requires_grad_()
        loss = 1e-6 * model.head.decode_volume(volume)[0].keypoints.square().mean()
        norms[dtype] = model._gradient_norms({'loss_render': loss}, [volume])['grad/render']
    unscaled, = torch.autograd.grad(loss, volume, retain_graph=True)
    scaled, = torch.autograd.grad(torch.amp.GradScaler('cpu').scale(loss), volume)
    assert not unscaled.any() and scaled.any()
    torch.testing.assert_close(norms[torch.float16], norms[torch.float32], rtol=0.01, atol=0)


def test_samples_that_do_not_stand_side_by_side_have_the_same_losses(make_estimator, batch):
    inputs, samples = batch
    order = sorted(range(len(samples)), key=lambda i: samples[i].metainfo['domain'])
    mixed = [i for pair in zip(order[:len(order) // 2], order[len(order) // 2:]) for i in pair]
    model = make_estimator().eval()
    model.set_stage(FULL)
    found = [model.loss(inputs[chosen], [samples[i] for i in chosen]) for chosen in (order, mixed)]
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-6, atol=1e-7)


def test_detached_generator_teaches_nothing_and_says_so(make_estimator, batch):
    losses = dict(adversarial=dict(type='WTAAdversarialLoss', detach=True))
    model = make_estimator(losses=losses, grad_log_interval=1)
    assert model.loss(*batch)['grad/adversarial'] == 0


def test_non_finite_loss_stops_and_names_the_files(make_estimator, batch):
    model = make_estimator()
    inputs, samples = batch
    samples[4].gt_instance_labels.keypoint_norm[0, 3] = float('nan')
    with pytest.raises(FloatingPointError, match='loss_render = nan.*synthetic_1.jpg'):
        model.loss(inputs, samples)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(discriminator=None), "'adversarial' needs model.discriminator"),
    (dict(physique=None), "'mask' has a physique_weight, but model.physique is None"),
    (dict(loss_weights=dict(texture=1)), "names 'texture', but model.losses has: render, mask, adversarial"),
    (dict(discriminator=dict(type='MLPDiscriminator', num_keypoints=17)), 'judges poses of 17 keypoints'),
    (dict(skeleton=dict(name='two', keypoints=['a', 'b'], parents=[0, 0], flip_pairs=[])), "'two' has 2 keypoints"),
    (dict(test_cfg=dict(decoding=dict(xy_window=4))), 'xy_window: an odd number of bins .* got 4'),
    (dict(test_cfg=dict(decoding=dict(windows=4))), 'decoding: windows unknown; there are: num_hypotheses, window, '),
    (dict(test_cfg=dict(xy_window=5)), 'xy_window has no effect: use model.test_cfg.decoding.xy_window'),
    (dict(discriminator=dict(type='GCNDiscriminator', skeleton=OTHER)), "model.discriminator has the skeleton 'other'"),
    (dict(line_width=-1.0), 'line_width: a number above 0 expected, got -1.0'),
    (dict(mask_size='64'), "mask_size: a side in px .* got '64'"), (dict(mask_size=0), 'mask_size: .* got 0'),
    (dict(losses=dict(render_loss=dict(type='SyntheticKeypointLoss'))), "name 'render_loss' must not contain 'loss'"),
    (dict(losses=dict(render=dict(type='MPJPELoss'))), 'losses.render is a MPJPELoss, which does not say what it'),
    (dict(losses=dict(render=dict(type='MisspeltLoss'))),
     "losses.render: MisspeltLoss.reads: one of 'features', 'labels', .* expected, got 'label'"),
    (dict(losses=dict(symmetry=dict(type='SymmetryLoss', skeleton=OTHER))), "losses.symmetry has the skeleton 'other'"),
    (dict(losses=dict(facing=dict(type='FacingLoss', skeleton=OTHER))), "losses.facing has the skeleton 'other'"),
    (dict(head=dict(type='HeatmapHead', in_channels=8, out_channels=18)), 'model.head is a HeatmapHead: a head with')])
def test_bad_configs_are_refused_before_training(make_estimator, changes, message):
    with pytest.raises(ValueError, match=message):
        make_estimator(**changes)


def test_a_skeleton_is_said_once(make_estimator):
    """Head, discriminator and losses take the model's; one that is stated and agrees is fine."""
    head = {name: value for name, value in estimator_config()['head'].items() if name != 'num_keypoints'}
    losses = dict(symmetry=dict(type='SymmetryLoss'), facing=dict(type='FacingLoss', skeleton='h36m18'))
    toy = dict(name='toy', keypoints=['root', 'left', 'right'], parents=[0, 0, 0], flip_pairs=[[1, 2]])
    model = make_estimator(head=head, losses=losses)
    assert (model.head.num_keypoints, model.discriminator.num_keypoints) == (18, 18)
    assert model.criteria['symmetry'].skeleton == model.skeleton
    model = make_estimator(skeleton=toy, head=head, losses=dict(facing=dict(type='FacingLoss')))
    assert (model.head.num_keypoints, model.discriminator.num_keypoints) == (3, 3)
    assert model.criteria['facing'].skeleton.name == 'toy'


def test_no_discriminator_and_no_physique(make_estimator, batch):
    model = make_estimator(discriminator=None, physique=None,
                           losses=dict(mask=dict(type='MaskLoss', physique_weight=0.0)))
    assert set(model.loss(*batch)) == {'loss_mask'}


def test_unlabelled_synthetic_sample_is_named(make_estimator, batch):
    model = make_estimator()
    inputs, samples = batch
    del samples[5].gt_instance_labels
    with pytest.raises(ValueError, match='synthetic_2.jpg: has no keypoint_norm label'):
        model.loss(inputs, samples)


def test_a_target_without_a_mask_is_named(make_estimator, batch):
    model = make_estimator()
    inputs, samples = batch
    samples[2].gt_fields = PixelData(mask=torch.zeros(1, 16, 16))
    with pytest.raises(ValueError, match=r'target_2.jpg: a mask of shape \(1, 16, 16\), but \(1, 32, 32\)'):
        model.loss(inputs, samples)
    del samples[1].gt_fields
    with pytest.raises(ValueError, match='target_1.jpg: no mask, which a loss reads'):
        model.loss(inputs, samples)


@pytest.mark.parametrize('loss', ['SyntheticKeypointLoss', 'MarginalCrossEntropyLoss'])
def test_what_is_not_labelled_may_be_nan(make_estimator, batch, loss):
    model = make_estimator(losses=dict(render=dict(type=loss))).eval()
    labels = batch[1][4].gt_instance_labels
    labels.keypoint_weights[0, 3] = 0.0
    _backward(model, batch)
    expected = _gradients(model)
    labels.keypoint_norm[0, 3] = float('nan')
    _backward(model, batch)
    for name, found in _gradients(model).items():
        torch.testing.assert_close(found, expected[name], rtol=0, atol=0)


def test_the_discriminator_learns_from_whole_poses_only(make_estimator, batch):
    model = make_estimator(losses=dict(adversarial=dict(type='WTAAdversarialLoss')))
    inputs, samples = batch
    whole = model.loss(inputs[[0, 1, 2, 3, 5]], [*samples[:4], samples[5]])['loss_discriminator_adversarial']
    labels = samples[4].gt_instance_labels
    labels.keypoint_weights[0, 3], labels.keypoint_norm[0, 3] = 0.0, float('nan')
    torch.testing.assert_close(model.loss(inputs, samples)['loss_discriminator_adversarial'], whole)
    for sample in samples[3:]:
        sample.gt_instance_labels.keypoint_weights[0, 3] = 0.0
    with pytest.raises(ValueError, match='none of 3 synthetic poses has all its keypoints labelled'):
        model.loss(inputs, samples)


def test_a_batch_that_no_loss_can_use_is_refused(make_estimator, batch):
    model = make_estimator()
    model.set_stage(dict(render=1.0))
    with pytest.raises(ValueError, match='3 target and 0 synthetic samples'):
        model.loss(batch[0][:3], batch[1][:3])


def test_align_corners_of_the_head_itself_is_refused(make_estimator):
    """mmpose would take it out of the head, for a neck of its own."""
    with pytest.raises(ValueError, match='model.head.align_corners: state it at the codec'):
        make_estimator(head=dict(estimator_config()['head'], align_corners=True))
