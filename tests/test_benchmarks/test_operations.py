"""The two sides of each benchmark give the same results, on small input."""
import pytest
import torch

from benchmarks import decode, discriminator, skeleton_mask, training_step
from benchmarks.__main__ import contests
from mmxas.models.layers import ChannelsLastBatchNorm2d


@pytest.mark.parametrize(('module', 'options'), [
    (decode, dict(batch=2, depth=16, size=12)), (skeleton_mask, dict(batch=2, size=40)),
    (discriminator, dict(num_poses=9))],
    ids=['decode', 'skeleton_mask', 'discriminator'])
def test_plain_and_ours_agree(module, options):
    wanted, gradient = module.build(**{**options, 'way': 'plain'})()
    found, own = module.build(**{'way': 'ours', **options})()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert gradient.abs().max() > 1e-4


DEGENERATE = {
    'flat': torch.zeros_like,
    'ties': lambda x: torch.zeros_like(x).index_fill(1, torch.tensor([3, 7, 11, 12]), 9.0),
    'one peak': lambda x: torch.full_like(x, -1e4).index_fill(1, torch.arange(5, 18 * 16, 16), 1e4),
    'no interior peak': lambda x: torch.zeros_like(x).index_fill(1, torch.arange(0, 18 * 16, 16), 20.0)}


@pytest.mark.parametrize('case', DEGENERATE)
def test_decoding_agrees_where_peaks_are_few_or_equal(case, monkeypatch):
    logits = DEGENERATE[case](decode.example_logits(2, 16, 12))
    monkeypatch.setattr(decode, 'example_logits', lambda *_: logits)
    (wanted, gradient), (found, own) = (decode.build(way, 2, 16, 12)() for way in ('plain', 'ours'))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert own.isfinite().all()


def in_float64(step):
    """The step with its networks, crops and labels in double."""
    for name, value in vars(step).items():
        if isinstance(value, torch.nn.Module):
            value.double()
        elif isinstance(value, torch.Tensor) and value.is_floating_point():
            setattr(step, name, value.double())
    return step


@pytest.mark.slow
def test_one_training_step_has_the_same_terms_and_gradients():
    """One detector pass for both sides and one backward give each network what two passes and two backwards give.

    In float64: a random detector amplifies the last digit of float32 a hundred thousand times. Ours is channels-last.
    """
    plain, ours = (in_float64(training_step.build(way, batch=2, size=64)) for way in ('plain', 'ours'))
    wanted = {'loss_discriminator_adversarial': plain._discriminator_loss()}
    wanted['loss_discriminator_adversarial'].backward()
    judge = {name.removeprefix('network.'): p.grad.clone() for name, p in plain.discriminator.named_parameters()}
    wanted.update(plain._detector_losses())
    sum(value for name, value in wanted.items() if 'discriminator' not in name).backward()
    found = ours.model.loss(ours.crops, ours.samples)
    sum(found.values()).backward()
    assert len(wanted) == 4
    assert {type(m) for m in ours.model.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {ChannelsLastBatchNorm2d}
    assert not any(isinstance(m, ChannelsLastBatchNorm2d) for m in plain.model.modules())
    for name, value in wanted.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-6), name
    gradients = {f'discriminator.{name}': gradient for name, gradient in judge.items()}
    gradients.update((name, p.grad) for name, p in plain.model.named_parameters() if 'discriminator' not in name)
    own = {name: p.grad for name, p in ours.model.named_parameters()}
    assert own.keys() == gradients.keys()
    far = {name: ((own[name] - gradient).norm() / gradient.norm()).item() for name, gradient in gradients.items()
           if gradient is not None and gradient.norm() > 1e-6}
    assert len(far) > 100 and max(far.values()) < 1e-6, max(far, key=far.get)


def test_each_operation_of_the_table_has_an_aim():
    known = contests()
    assert set(known) == {'decode', 'decode_marginals_first', 'decode_both_keep', 'skeleton_mask', 'discriminator',
                          'training_step', 'training_step_same_memory', 'training_step_both_keep', 'training_step_bf16',
                          'render', 'render_128', 'inference', 'inference_one_core'}
    assert [name for name, contest in known.items() if contest.keeps_memory] == ['decode_both_keep']
    assert [name for name, contest in known.items() if not contest.speedup and not contest.at_most_ms] == [
        'decode_marginals_first', 'decode_both_keep', 'training_step_same_memory', 'training_step_both_keep']


def test_the_operations_of_the_discriminator():
    """First layers and a head; each convolution is one product per node between two changes of basis, the first one a
    product of 14 channels."""
    nodes, batch = 96 * 18, 96 * 128
    ends = 3 * 2 * nodes * 6 * 128 * 2 + 3 * 2 * 96 * (4608 * 512 + 512)
    change, product = 2 * 2 * 18 * 18 * batch, 3 * 2 * nodes * 128 * 128
    first = 3 * 2 * nodes * 14 * 128 + 3 * 2 * 128 * 128 * 14 + 2 * 2 * 18 * 18 * 96 * 7
    operations = ends + 8 * (2 * change + product) + 2 * first
    assert training_step.counted_flops(discriminator.build('ours')) == pytest.approx(operations, rel=1e-12)


def test_the_stronger_plain_decoding_gives_the_same():
    plain = decode.plain_decode_marginals_first
    (wanted, gradient), (found, own) = (decode.build('plain', 2, 16, 12, **o)() for o in ({}, dict(plain=plain)))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)


@pytest.mark.parametrize(('name', 'wanted'), [
    ('training_step', [False, True]), ('training_step_same_memory', [False, False]),
    ('training_step_both_keep', [True, True])])
def test_which_side_keeps_freed_memory(name, wanted, monkeypatch):
    small = training_step.detector
    monkeypatch.setattr(training_step, 'detector', lambda head=(), **changes: small(
        backbone=dict(depth=18, init_cfg=None), head=dict(head, in_channels=512, depth_bins=8), **changes))
    assert [contests()[name].build(way, batch=1, size=64).keep for way in ('plain', 'ours')] == wanted


def test_a_recipe_is_built_in_its_last_stage():
    model = training_step.build_model('configs/xas_mocap.py')
    assert model.training and model.loss_weights['adversarial'] > 0
