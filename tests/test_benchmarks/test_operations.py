"""The two sides of each benchmark give the same results, on small input."""
import pytest
import torch

from benchmarks import decode, discriminator, roofline, skeleton_mask, training_step
from benchmarks.__main__ import contests


@pytest.mark.parametrize(('module', 'options'), [
    (decode, dict(batch=2, depth=16, size=12)), (skeleton_mask, dict(batch=2, size=40)),
    (discriminator, dict(num_poses=9))], ids=['decode', 'skeleton_mask', 'discriminator'])
def test_plain_and_ours_agree(module, options):
    (wanted, gradient), (found, own) = (module.build(way, **options)() for way in ('plain', 'ours'))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert gradient.abs().max() > 1e-4


def test_one_training_step_has_the_same_terms():
    """The generator's term excepted, which the plain step computes with a discriminator that has learnt already."""
    wanted, found = (training_step.build(way, batch=2, size=64)() for way in ('plain', 'ours'))
    names = ('loss_render', 'loss_mask', 'loss_discriminator_adversarial')
    assert {*names, 'loss_adversarial'} <= set(wanted) & set(found)
    for name in names:
        assert found[name].item() == pytest.approx(wanted[name].item(), rel=1e-3), name


def test_each_operation_of_the_table_has_an_aim():
    known = contests()
    assert set(known) == {'decode', 'skeleton_mask', 'discriminator', 'training_step', 'training_step_bf16', 'render',
                          'inference', 'inference_one_core'}
    assert all(contest.speedup or contest.at_most_ms for contest in known.values())


def test_bounds_add_up():
    bounds = roofline.bounds(dict(memory=10.0, fresh=2.0, cache=100.0, exp=1.0, gemm=100.0))
    assert bounds['decode']['read the logits twice'] == pytest.approx(2 * 4 * 8 * 18 * 64**3 / 10e6)
    assert all(value > 0 for parts in bounds.values() for value in parts.values())
