"""The head by itself: shapes, labels, decoding, refusals."""
import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from mmxas.models.heads import MultiHypothesisHead
from mmxas.ops import Decoding, Hypotheses, decode_hypotheses
from mmxas.ops.kernels import products
from mmxas.registry import MODELS


def _codec(align_corners=False, **decoding) -> dict:
    return dict(type='NormCodec', align_corners=align_corners, decoding={'window': 3, **decoding})


def _head(**changes) -> MultiHypothesisHead:
    torch.manual_seed(0)
    config = dict(type='MultiHypothesisHead', in_channels=4, num_keypoints=18, depth_bins=6, decoder=_codec(),
                  deconv_out_channels=(8, ), deconv_kernel_sizes=(4, ), conv_out_channels=(8, ))
    head = MODELS.build({**config, **changes})
    head.init_weights()
    return head


@pytest.mark.parametrize('kernel', [2, 3, 4])
def test_each_deconvolution_doubles_the_resolution(kernel):
    head = _head(deconv_kernel_sizes=(kernel, ))
    assert head([torch.rand(2, 4, 5, 7)]).shape == (2, 18 * 6, 10, 14)


def test_volume_that_is_no_cube_decodes():
    hypotheses, marginals = _head().decode_volume(torch.randn(2, 108, 10, 14))
    assert hypotheses.keypoints.shape == (2, 3, 18, 3)
    assert [m.shape[-1] for m in marginals[:3]] == [14, 10, 6] and marginals.plane is None


def test_test_cfg_changes_options_of_the_codec():
    logits = torch.randn(2, 108, 10, 14)
    plain, own = _head(), _head(decoder=_codec(xy_window=3))
    wanted = decode_hypotheses(logits, 18, Decoding(window=3, xy_window=3)).keypoints
    assert torch.equal(own.decode_volume(logits)[0].keypoints, wanted)
    assert torch.equal(plain.decode_volume(logits, dict(decoding=dict(xy_window=3)))[0].keypoints, wanted)
    assert torch.equal(own.decode_volume(logits, dict(decoding=dict(xy_window=None)))[0].keypoints,
                       plain.decode_volume(logits, dict(flip_test=True))[0].keypoints)
    two = plain.decode_volume(logits, dict(decoding=dict(num_hypotheses=2)))[0].keypoints
    assert torch.equal(two, decode_hypotheses(logits, 18, Decoding(2, window=3)).keypoints)
    assert own.decoding(dict(decoding=dict(window=5))) == Decoding(window=5, xy_window=3)


def test_vanilla_detector_is_the_integral():
    head = _head(decoder=_codec(num_hypotheses=1, window=None))
    hypotheses, marginals = head.decode_volume(torch.randn(1, 108, 4, 4))
    bins = (2 * torch.arange(6.) + 1) / 6 - 1
    torch.testing.assert_close(hypotheses.keypoints[:, 0, :, 2], marginals.z @ bins)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=str)
def test_contiguous_logits_are_the_same(layout):
    ours, plain = _head(contiguous_logits=True), _head()
    features = [torch.randn(2, 4, 5, 7).contiguous(memory_format=layout)]
    found, wanted = ours(features), plain(features)
    assert found.is_contiguous() and wanted.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    for head, logits in ((ours, found), (plain, wanted)):
        head.decode_volume(logits)[0].keypoints.square().sum().backward()
    for (name, leaf), (_, other) in zip(ours.named_parameters(), plain.named_parameters(), strict=True):
        torch.testing.assert_close(leaf.grad, other.grad, rtol=1e-3, atol=1e-7, msg=name)


@pytest.mark.parametrize('vendor', ['AuthenticAMD', 'GenuineIntel'])
def test_contiguous_logits_have_gradients_of_the_weights_strides(monkeypatch, vendor):
    """Used twice, as by targets and synthetic samples; others are copied by DistributedDataParallel, with a warning."""
    monkeypatch.setattr(products, 'cpu_vendor', lambda: vendor)
    head = _head(contiguous_logits=True).to(memory_format=torch.channels_last)
    features = torch.randn(2, 4, 5, 7).contiguous(memory_format=torch.channels_last)
    sum(head([scale * features]).square().sum() for scale in (1, 2)).backward()
    strides = {name: (leaf.stride(), leaf.grad.stride()) for name, leaf in head.named_parameters()}
    assert all(own == grad for own, grad in strides.values()), strides
    assert strides['deconv_layers.0.0.weight'][0] == (8 * 16, 1, 8 * 4, 8)


def test_float32_under_autocast():
    head, features = _head(), [torch.rand(1, 4, 4, 4)]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits = head(features)
        hypotheses, _ = head.decode_volume(logits)
    assert logits.dtype == torch.bfloat16
    assert hypotheses.keypoints.dtype == torch.float32


def test_losses_are_the_estimators(batch):
    with pytest.raises(NotImplementedError, match='in an XASPoseEstimator, whose losses=dict'):
        _head().loss([torch.rand(3, 4, 4, 4)], batch[1][3:])


def test_average_of_equal_views_is_the_view():
    head = _head()
    logits = torch.randn(2, 108, 4, 6)
    flip = list(range(18))[::-1]
    mirrored = logits.view(2, 18, 6, 4, 6)[:, flip].flip(-1).reshape(2, 108, 4, 6)
    average = head.average_flipped(logits, mirrored, flip)
    torch.testing.assert_close(head.decode_volume(average)[0].keypoints, head.decode_volume(logits)[0].keypoints)


def test_average_is_the_mean_of_probabilities():
    head = _head()
    volumes = [torch.randn(2, 108, 4, 6), torch.randn(2, 108, 4, 6), 300 * torch.randn(2, 108, 4, 6)]
    average = head.average(iter(volumes))
    assert average.isfinite().all()  # even where all probabilities are 0 in float32
    wanted = sum(x.double().view(2, 18, -1).softmax(-1) for x in volumes) / 3
    torch.testing.assert_close(average.view(2, 18, -1).softmax(-1), wanted.float())


def test_average_with_weights_is_the_weighted_mean_per_keypoint():
    head = _head()
    volumes, weights = [torch.randn(2, 108, 4, 6) for _ in range(2)], [torch.ones(2, 18), torch.rand(2, 18)]
    average = head.average(volumes, weights).view(2, 18, -1).softmax(-1)
    parts = [x.view(2, 18, -1).softmax(-1) for x in volumes]
    share = weights[1].unsqueeze(-1)
    torch.testing.assert_close(average, (parts[0] + share * parts[1]) / (1 + share))


def _samples_with_masks(batch, masks):
    samples = copy.deepcopy(batch[1][:len(masks)])
    for sample, mask in zip(samples, masks, strict=True):
        sample.gt_fields = PixelData(mask=mask)
    return samples


def test_views_are_read_one_at_a_time(batch, monkeypatch):
    """The volumes of all views together take 12 GB for 41 crops of 160 px."""
    head, samples, sizes = _head(), _samples_with_masks(batch, [torch.ones(1, 32, 32)] * 2), []
    forward = head.forward
    monkeypatch.setattr(head, 'forward', lambda feats: sizes.append(len(feats[0])) or forward(feats))
    views = torch.rand(4 * len(samples), 4, 4, 4)
    with torch.no_grad():
        found = head.test_volume([views], samples, dict(zooms=[1.0, 0.5], background='both'))
    assert sizes == [2, 2, 2, 2]
    assert found.shape == forward([views[:2]]).shape


def test_keypoints_outside_the_mask_do_not_use_the_crop_without_background(batch):
    """Masks: the whole crop, nothing, the right half."""
    head = _head()
    full, half = torch.ones(1, 32, 32), torch.zeros(1, 32, 32)
    half[..., 16:] = 1
    samples = _samples_with_masks(batch, [full, torch.zeros_like(full), half])
    views = 50 * torch.rand(6, 4, 4, 4)
    with torch.no_grad():
        whole, removed = (head.forward([part]).view(3, 18, -1).softmax(-1) for part in views.split(3))
        found = head.test_volume([views], samples, dict(background='both')).view(3, 18, -1).softmax(-1)
        shape = (18, 6, *head.forward([views[:1]]).shape[-2:])
    torch.testing.assert_close(found[0], (whole[0] + removed[0]) / 2)
    torch.testing.assert_close(found[1], whole[1])
    right = whole[2].view(shape)[..., shape[-1] // 2:].sum((1, 2, 3)).unsqueeze(-1)
    assert right.min() > 0.05 and right.max() < 0.95
    torch.testing.assert_close(found[2], (whole[2] + right * removed[2]) / (1 + right))


@pytest.mark.parametrize('crops, options', [(4, {}), (2, dict(background='both')), (4, dict(zooms=[1.0, 0.9, 0.8]))])
def test_another_number_of_views_is_refused(batch, crops, options):
    with pytest.raises(ValueError, match=rf'features of {crops} crops, expected 2 for each of .*zooms'):
        _head().test_volume([torch.rand(crops, 4, 4, 4)], batch[1][:2], options)


def test_depth_unit_follows_the_camera(batch):
    head, samples = _head(), copy.deepcopy(batch[1][:2])
    samples[1].set_metainfo(dict(rect_3d_width=None))
    with torch.no_grad():
        first, second = head.predict([torch.rand(1, 4, 4, 4).expand(2, -1, -1, -1)], samples)
    assert (first.depth_unit, second.depth_unit) == (['mm'], ['crop'])
    torch.testing.assert_close(torch.tensor(first.hypotheses[..., 2]), 2000 * torch.tensor(second.hypotheses[..., 2]))


def test_aligned_corners_lead_back_to_pixels_as_well(batch):
    with torch.no_grad():
        poses = _head(decoder=_codec(align_corners=True)).predict([torch.rand(1, 4, 4, 4)], batch[1][:1])[0]
    norm = torch.tensor(poses.hypotheses_norm)
    torch.testing.assert_close(torch.tensor(poses.hypotheses[..., :2]), (norm[..., :2] + 1) * 31 / 2)
    torch.testing.assert_close(torch.tensor(poses.hypotheses[..., 2]), norm[..., 2] * 2000 * 31 / 32)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(decoder=_codec(num_hypotheses=2.5)), 'num_hypotheses: .* got 2.5'),
    (dict(decoder=_codec(window='15')), "window: .* got '15'"),
    (dict(decoder=_codec(align_corners='edge')), 'edge'),
    (dict(deconv_kernel_sizes=(4, 4)), '1 deconv_out_channels but 2'),
    (dict(deconv_kernel_sizes=(5, )), 'deconv_kernel_sizes: 5 given')])
def test_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        _head(**changes)


def test_a_flip_test_needs_to_know_what_is_left_and_right(batch):
    sample = copy.deepcopy(batch[1][0])
    sample.pop('flip_indices')
    with pytest.raises(ValueError, match='flip_test: the samples have no flip_indices'):
        _head().predict([torch.rand(1, 4, 4, 4)] * 2, [sample], dict(flip_test=True))


def test_a_batch_of_predictions_comes_to_the_cpu_at_once(monkeypatch):
    copied, cpu, head = [], torch.Tensor.cpu, _head()
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda tensor: copied.append(tensor) or cpu(tensor))
    samples = [PoseDataSample(metainfo=dict(input_size=(64, 64))) for _ in range(5)]
    instances, _ = head.pack(head.decode_volume(torch.randn(5, 108, 4, 4))[0], samples,
                             dict(output_depth_heatmaps=True))
    assert len(instances) == 5 and len(copied) == len(Hypotheses._fields)
