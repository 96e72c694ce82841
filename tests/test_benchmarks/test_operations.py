"""The two sides of each benchmark give the same results, on small input."""
import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import decode, discriminator, roofline, skeleton_mask, training_step
from benchmarks.__main__ import contests
from mmxas.models.layers import ChannelsLastBatchNorm2d
from mmxas.ops.kernels import products


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
                          'render', 'inference', 'inference_one_core'}
    assert [name for name, contest in known.items() if contest.keeps_memory] == ['decode_both_keep']
    assert [name for name, contest in known.items() if not contest.speedup and not contest.at_most_ms] == [
        'decode_marginals_first', 'decode_both_keep', 'training_step_same_memory', 'training_step_both_keep']


TIMES = dict(plain=80.0, ours=30.0, products_plain=40.0, products_ours=15.0,
             wide_torch=100.0, wide_onednn=125.0)
RATES = dict(memory=10.0, fresh=2.0, cache=100.0, exp=1.0, gemm=100.0, onednn=200.0, conv=300.0)


@pytest.fixture
def timed(monkeypatch):
    """What is timed, in the place of times that are known: in ms."""
    timed = {}

    def alternate(runs, _):
        timed.update(runs)
        return {name: TIMES[name] for name in runs}

    monkeypatch.setattr(roofline, 'alternate', alternate)
    roofline.times.cache_clear()
    yield timed
    roofline.times.cache_clear()


@pytest.mark.usefixtures('timed')
@pytest.mark.slow
def test_bounds_add_up():
    bounds = roofline.bounds(RATES)
    assert bounds['decode']['memory']['read the logits'] == pytest.approx(4 * 8 * 18 * 64**3 / 10e6)
    assert all(value > 0 for kinds in bounds.values() for parts in kinds.values() for value in parts.values())
    # The better of the wide products takes 100 ms for 2 * 2048^3 operations.
    least = roofline.product_gflop('ours') * 1e9 / (2 * 2048**3) * 100
    assert list(bounds['discriminator']['processor'].values()) == [pytest.approx(least)]
    assert next(iter(bounds['discriminator']['processor'])).endswith('at 172 GFLOP/s, the rate of a product 2048 wide')
    assert list(bounds['discriminator']['memory'].values()) == [pytest.approx(50 * 96 * 18 * 128 * 4 / 100e6)]


@pytest.mark.usefixtures('timed')
@pytest.mark.slow
def test_the_roofline_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(roofline, 'rates', lambda: RATES)
    monkeypatch.setattr(roofline, 'settle', lambda: None)
    assert roofline.main(['--threads', str(torch.get_num_threads()), '--out', str(tmp_path / 'x.json')]) == 0
    content = json.loads((tmp_path / 'x.json').read_text())
    rows = content['operations']
    assert content['rates'] == RATES and rows.keys() == {*roofline.RUNS}
    assert {way: (row['products_ms'], row['whole_ms']) for way, row in content['products'].items()} == {
        'plain': (40.0, 80.0), 'ours': (15.0, 30.0)}
    for way, row in content['products'].items():
        assert row['gflop'] == roofline.product_gflop(way)
        assert row['wide_ms'] == pytest.approx(row['gflop'] * 1e9 / (2 * 2048**3) * 100)
    assert content['products']['plain']['gflop'] > content['products']['ours']['gflop']
    for row in rows.values():
        memory, processor = (sum(kind.values()) for kind in row['parts_ms'].values())
        assert row['bound_ms'] == pytest.approx(max(memory, processor))
        assert row['sum_ms'] == pytest.approx(memory + processor)
    assert (rows['decode']['aim_ms'], rows['discriminator']['measured_ms']) == (16.0, 30.0)


def test_each_bound_belongs_to_a_measured_form_and_an_aim(timed):
    assert roofline.measured_and_aim('discriminator') == (30.0, 20.0)
    wide = {name for name in timed if name.startswith('wide_')}
    assert timed.keys() | {'wide_onednn'} == TIMES.keys() and 'wide_torch' in wide
    for form in ('plain', 'ours'):
        for name in (form, f'products_{form}'):
            assert training_step.counted_flops(timed[name]) == roofline.product_gflop(form) * 1e9, name
    assert all(training_step.counted_flops(timed[name]) == 2 * 2048**3 for name in wide)
    timed.clear()
    assert roofline.measured_and_aim('decode') == (30.0, 16.0) and timed.keys() == {'plain', 'ours'}
    assert all(file.CONTESTS[0].speedup for file in roofline.RUNS.values())


class _Products(TorchDispatchMode):
    """Keeps what each operator that counts operations reads, where that lies, and what it gives."""

    def __init__(self):
        super().__init__()
        self.seen, self.with_grad = [], False

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        given = operator(*args, **(kwargs or {}))
        if str(operator).rpartition('.')[0].split('.')[-1] in ('mm', 'addmm', 'bmm', 'mv', 'dot', '_linear_pointwise'):
            tensors = [x for x in args if isinstance(x, torch.Tensor)]
            self.seen.append((operator, [(x.shape, x.stride(), x.data_ptr()) for x in tensors], given.clone()))
            self.with_grad |= torch.is_grad_enabled()
        return given


@pytest.mark.parametrize('vendor', ['AuthenticAMD', 'GenuineIntel'])
def test_all_products_are_repeated_where_they_lie(monkeypatch, vendor):
    """By either library, forward and backward."""
    monkeypatch.setattr(products, 'cpu_vendor', lambda: vendor)
    with _Products() as first:
        repeat = roofline.products_of(discriminator.build('ours', 2))
    with _Products() as second:
        repeat()
    assert len(first.seen) > 60
    for (operator, operands, given), (again, same, repeated) in zip(first.seen, second.seen, strict=True):
        assert operator == again and operands == same and torch.equal(given, repeated)
    assert first.with_grad and not second.with_grad
    by_onednn = {'_linear_pointwise' in str(operator) for operator, *_ in first.seen}
    assert by_onednn == ({True, False} if vendor == 'AuthenticAMD' and products.has_onednn() else {False})


def test_the_operations_of_the_discriminator():
    """First layers and a head; each convolution is one product per node between two changes of basis, the first one a
    product of 14 channels."""
    nodes, batch = 96 * 18, 96 * 128
    ends = 3 * 2 * nodes * 6 * 128 * 2 + 3 * 2 * 96 * (4608 * 512 + 512)
    change, product = 2 * 2 * 18 * 18 * batch, 3 * 2 * nodes * 128 * 128
    first = 3 * 2 * nodes * 14 * 128 + 3 * 2 * 128 * 128 * 14 + 2 * 2 * 18 * 18 * 96 * 7
    operations = ends + 8 * (2 * change + product) + 2 * first
    assert roofline.product_gflop('ours') * 1e9 == pytest.approx(operations, rel=1e-12)


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
