"""The two sides of each benchmark give the same results, on small input."""
import pytest
import torch

from benchmarks import decode, discriminator, roofline, skeleton_mask, training_step
from benchmarks.__main__ import contests
from mmxas.models.layers import ChannelsLastBatchNorm2d
from mmxas.ops import products


@pytest.mark.parametrize(('module', 'options'), [
    (decode, dict(batch=2, depth=16, size=12)), (skeleton_mask, dict(batch=2, size=40)),
    (discriminator, dict(num_poses=9))], ids=['decode', 'skeleton_mask', 'discriminator'])
def test_plain_and_ours_agree(module, options):
    (wanted, gradient), (found, own) = (module.build(way, **options)() for way in ('plain', 'ours'))
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
    assert set(known) == {'decode', 'decode_marginals_first', 'skeleton_mask', 'discriminator', 'training_step',
                          'training_step_same_memory', 'training_step_both_keep', 'training_step_bf16', 'render',
                          'inference', 'inference_one_core'}
    assert [name for name, contest in known.items() if not contest.speedup and not contest.at_most_ms] == [
        'decode_marginals_first', 'training_step_same_memory', 'training_step_both_keep']


@pytest.fixture
def every_run_takes_3_ms_and_the_plain_one_8(monkeypatch):
    monkeypatch.setattr(roofline, 'alternate', lambda runs, _: {**dict.fromkeys(runs, 3.0), 'plain': 8.0})
    roofline.times.cache_clear()
    yield
    roofline.times.cache_clear()


@pytest.mark.usefixtures('every_run_takes_3_ms_and_the_plain_one_8')
def test_bounds_add_up():
    bounds = roofline.bounds(dict(memory=10.0, fresh=2.0, cache=100.0, outer=40.0, exp=1.0, gemm=100.0, onednn=200.0,
                                  square=250.0, conv=300.0))
    assert bounds['decode']['memory']['read the logits'] == pytest.approx(4 * 8 * 18 * 64**3 / 10e6)
    assert list(bounds['discriminator']['processor'].values()) == [3.0]
    least, best = bounds['discriminator_eigenbasis'], bounds['discriminator_best_rate']
    map_bytes, weight_bytes = 4 * 32 * 3 * 18 * 128, 4 * 2 * 18 * 128 * 512
    assert list(least['memory'].values()) == pytest.approx([144 * map_bytes / 100e6 - 20 * map_bytes / 100e6,
                                                            20 * map_bytes / 40e6])
    assert best['memory'] == {**least['memory'], "the head's weight": pytest.approx(3 * weight_bytes / 40e6)}
    assert list(best['processor'].values()) == [pytest.approx(3.39e9 / 250e6, rel=1e-2)]
    assert all(value > 0 for kinds in bounds.values() for parts in kinds.values() for value in parts.values())


@pytest.mark.parametrize('vendor', ['AuthenticAMD', 'GenuineIntel'])
def test_the_discriminators_products_are_counted_right(monkeypatch, vendor):
    """By either library."""
    monkeypatch.setattr(products, 'cpu_vendor', lambda: vendor)
    assert training_step.counted_flops(discriminator.build('ours')) == pytest.approx(roofline.product_flops(), rel=1e-3)


def test_the_eigenbasis_has_fewer_operations_and_passes():
    assert roofline.product_flops() == pytest.approx(4.93e9, rel=1e-2)
    assert roofline.product_flops(eigenbasis=True) == pytest.approx(3.39e9, rel=1e-2)
    assert roofline.pass_bytes(eigenbasis=True) == roofline.pass_bytes() - 70 * 4 * 1728 * 128


@pytest.mark.usefixtures('every_run_takes_3_ms_and_the_plain_one_8')
def test_each_bound_belongs_to_a_measured_operation_with_an_aim():
    assert roofline.measured_and_aim('discriminator') == (3.0, 2.0)
    assert roofline.measured_and_aim('discriminator_best_rate') == (3.0, 2.0)
    assert set(roofline.times('discriminator')) == {'plain', 'ours', 'present', 'eigenbasis', 'torch', 'onednn'}
    assert set(roofline.times('decode')) == {'plain', 'ours'}
    assert all(file.CONTESTS[0].speedup for file in roofline.RUNS.values())


@pytest.mark.parametrize('library', ['torch', 'onednn'])
def test_the_fastest_product_is_one_of_rows_and_columns(monkeypatch, library):
    monkeypatch.setattr(roofline, 'SQUARE', 8)
    torch.manual_seed(0)
    product = roofline.build_square(library)()
    torch.manual_seed(0)
    numbers = torch.rand(8, 8)
    torch.testing.assert_close(product, numbers @ numbers.T, rtol=0, atol=1e-5)


@pytest.mark.usefixtures('every_run_takes_3_ms_and_the_plain_one_8')
def test_the_rate_of_the_fastest_product_is_measured_in_turns(monkeypatch):
    monkeypatch.setattr(roofline, 'seconds', lambda run, *_, **__: 1.0)
    assert roofline.rates()['square'] == pytest.approx(2 * 2048**3 / 3e6)


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
