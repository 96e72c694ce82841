import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.decoding import Decoding, decode_hypotheses, decode_marginals, depth_peaks
from mmxas.ops.marginals import Marginals, bin_positions, spatial_softmax

# Largest error against the recorded vectors, norm units and probability (8e-7 measured).
PARITY_TOLERANCE = 5e-6


def logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def from_profile(*profiles: list[float]) -> Marginals:
    """Marginals of one sample with these depth heatmaps, x and y flat."""
    z = torch.tensor([profiles])
    flat = torch.full((1, len(profiles), 2), 0.5)
    return Marginals(flat, flat, z / z.sum(-1, keepdim=True))


def test_parity_decode(parity) -> None:
    data = parity('decode.npz')
    batch, keypoints, depth, *size = data['logits'].shape
    num, window = int(data['num_hypotheses']), int(data['window'])
    heatmap = torch.from_numpy(data['logits']).float().reshape(batch, keypoints * depth, *size)
    decoded = decode_hypotheses(heatmap, keypoints, Decoding(num, window), align_corners=True)
    tolerance = dict(rtol=0, atol=PARITY_TOLERANCE)
    torch.testing.assert_close(decoded.depth_heatmap, torch.from_numpy(data['depth_prob']), **tolerance)
    valid = decoded.valid.unsqueeze(-1)
    assert valid.float().mean() > 0.9
    torch.testing.assert_close(decoded.keypoints * valid, torch.from_numpy(data['keypoints']) * valid, **tolerance)
    peaks = depth_peaks(decoded.depth_heatmap, num)
    assert torch.equal(peaks.index * peaks.valid, torch.from_numpy(data['peak_index']) * peaks.valid)


@pytest.mark.parametrize(('n', 'k', 'd', 'hm', 'wm', 'h'), [
    (1, 1, 1, 1, 1, 1), (2, 3, 16, 4, 6, 3), (1, 18, 8, 5, 3, 2), (0, 2, 4, 3, 3, 2), (1, 2, 2, 3, 3, 4)])
def test_cardinality(n: int, k: int, d: int, hm: int, wm: int, h: int) -> None:
    decoded = decode_hypotheses(logits(n, k * d, hm, wm), k, Decoding(h, window=3))
    assert decoded.keypoints.shape == (n, h, k, 3)
    assert decoded.scores.shape == decoded.valid.shape == (n, h, k)
    assert decoded.depth_heatmap.shape == (n, k, d)
    assert decoded.valid.dtype == torch.bool
    assert decoded.keypoints.abs().le(1).all()
    assert decoded.valid[:, 0].all()


@pytest.mark.parametrize(('options', 'message'), [
    (dict(window=4), 'window: an odd number of bins .* got 4'),
    (dict(window=-1), 'window: an odd number'),
    (dict(window=None), 'num_hypotheses=3, got None'),
    (dict(num_hypotheses=0), 'num_hypotheses: a whole number of at least 1 expected, got 0'),
    (dict(xy_window=6), 'xy_window: an odd number of bins .* got 6'),
    (dict(xy_window=True), 'xy_window: an odd number of bins .* got True'),
    (dict(xy_peak_window=4), 'xy_peak_window: an odd number of bins .* got 4'),
    (dict(xy_peak_window=None), 'xy_peak_window: an odd number of bins .* got None'),
    (dict(peak_threshold=1.5), 'peak_threshold: a fraction'),
    (dict(align_corners='edges'), 'align_corners: one of False, True'),
    (dict(depth=7), r'num_keypoints \* depth = 2 \* 7 = 14 channels expected, got 16'),
])
def test_exceptions(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call = {name: options.pop(name) for name in ('align_corners', 'depth') if name in options}
        decode_hypotheses(logits(1, 16, 4, 4), 2, Decoding(**options), **call)


def test_options_are_replaced_by_name() -> None:
    """As ``test_cfg`` does; a misspelt one would otherwise be read by nobody."""
    assert Decoding(5, window=7).changed(dict(xy_window=3)) == Decoding(5, window=7, xy_window=3)
    assert Decoding(5).changed(None) == Decoding(5)
    with pytest.raises(ValueError, match='decoding: xywindow unknown; there are: num_hypotheses, window, peak_thresh'):
        Decoding().changed(dict(xywindow=3))
    with pytest.raises(ValueError, match='num_hypotheses=3, got None'):
        Decoding().changed(dict(window=None))


def test_vanilla_is_the_expectation_of_equation_2() -> None:
    heatmap = logits(2, 3 * 5, 4, 6)
    decoded = decode_hypotheses(heatmap, 3, Decoding(num_hypotheses=1, window=None))
    volume = spatial_softmax(heatmap, 3)
    expected = torch.stack([torch.einsum('nkdhw,w->nk', volume, bin_positions(6)),
                            torch.einsum('nkdhw,h->nk', volume, bin_positions(4)),
                            torch.einsum('nkdhw,d->nk', volume, bin_positions(5))], dim=-1)
    torch.testing.assert_close(decoded.keypoints[:, 0], expected)
    assert decoded.valid.all()


def test_two_peaks_become_two_hypotheses() -> None:
    profile = [0.0] * 16
    profile[3], profile[4], profile[11] = 0.4, 0.2, 0.4001
    decoded = decode_marginals(from_profile(profile), Decoding(3, window=5))
    z = decoded.keypoints[0, :, 0, 2]
    positions = bin_positions(16)
    assert decoded.valid[0, :, 0].tolist() == [True, True, False]
    assert z[0].item() == pytest.approx(positions[11].item(), abs=1e-6)
    assert z[1].item() == pytest.approx(((2 * positions[3] + positions[4]) / 3).item(), abs=1e-6)
    assert z[2] == z[0]
    assert decoded.scores[0, :, 0].tolist() == pytest.approx([0.4001 / 1.0001, 0.4 / 1.0001, 0.0])


def test_window_one_is_the_peak_and_the_window_is_the_total_number_of_bins() -> None:
    profile = [0.0, 0.1, 0.2, 0.4, 0.2, 0.0, 0.0, 0.1]
    positions = bin_positions(8)
    assert decode_marginals(from_profile(profile), Decoding(1, 1)).keypoints[0, 0, 0, 2] == positions[3]
    three = decode_marginals(from_profile(profile), Decoding(1, 3)).keypoints[0, 0, 0, 2].item()
    assert three == pytest.approx(positions[3].item(), abs=1e-6)
    five = decode_marginals(from_profile(profile), Decoding(1, 5)).keypoints[0, 0, 0, 2].item()
    expected = (0.1 * positions[1] + 0.8 * positions[3]) / 0.9
    assert five == pytest.approx(expected.item(), abs=1e-6)


def from_plane(plane: torch.Tensor) -> Marginals:
    """Marginals of one keypoint with this x-y plane (Hm, Wm), flat in depth."""
    plane = (plane / plane.sum())[None, None]
    return Marginals(plane.sum(-2), plane.sum(-1), torch.full((1, 1, 3), 1 / 3), plane)


def test_xy_window_lies_around_the_peak_of_the_plane_and_not_of_its_marginals() -> None:
    """Two places: the row and the column with most probability cross at neither."""
    plane = torch.zeros(9, 8)
    plane[2, 6], plane[2, 7] = 0.3, 0.1
    plane[6, 1] = 0.25
    plane[7, 3], plane[8, 3] = 0.18, 0.17  # column 3 has the highest sum
    x, y = bin_positions(8), bin_positions(9)
    marginals = from_plane(plane)
    assert marginals.x.argmax() != 6
    found = decode_marginals(marginals, Decoding(1, 1, xy_window=3)).keypoints[0, 0, 0]
    assert found[0].item() == pytest.approx((0.75 * x[6] + 0.25 * x[7]).item(), abs=1e-6)
    assert found[1].item() == pytest.approx(y[2].item(), abs=1e-6)
    one = decode_marginals(marginals, Decoding(1, 1, xy_window=1)).keypoints[0, 0, 0, :2]
    torch.testing.assert_close(one, torch.stack([x[6], y[2]]))
    whole, integral = (decode_marginals(marginals, Decoding(1, 1, xy_window=w)).keypoints for w in (17, None))
    torch.testing.assert_close(whole, integral)  # a window that holds the plane is equation 2


def test_the_mode_with_the_most_probability_wins_with_a_peak_window() -> None:
    """One bin of 0.3 against a square with the sum 0.7, whose highest bin is in a corner."""
    plane = torch.zeros(9, 8)
    plane[1, 1] = 0.3
    plane[5:8, 4:7] = 0.07
    plane[7, 4] = 0.14
    x, y = bin_positions(8), bin_positions(9)
    marginals = from_plane(plane)
    found = decode_marginals(marginals, Decoding(1, 1, xy_window=1, xy_peak_window=3)).keypoints[0, 0, 0, :2]
    torch.testing.assert_close(found, torch.stack([x[4], y[7]]))
    wide = decode_marginals(marginals, Decoding(1, 1, xy_window=3, xy_peak_window=3)).keypoints[0, 0, 0]
    # 3 x 3 bins around (4, 7) hold columns 4 and 5 of rows 6 and 7: 0.07 and 0.07, 0.14 and 0.07
    assert wide[0].item() == pytest.approx(((0.21 * x[4] + 0.14 * x[5]) / 0.35).item(), abs=1e-6)
    assert wide[1].item() == pytest.approx(((0.14 * y[6] + 0.21 * y[7]) / 0.35).item(), abs=1e-6)
    for options in (dict(), dict(xy_peak_window=1)):
        high = decode_marginals(marginals, Decoding(1, 1, xy_window=1, **options)).keypoints[0, 0, 0, :2]
        torch.testing.assert_close(high, torch.stack([x[1], y[1]]))


def test_xy_window_changes_x_and_y_only() -> None:
    heatmap = logits(2, 3 * 8, 6, 5) * 3
    plain, windowed = (decode_hypotheses(heatmap, 3, Decoding(2, window=3, xy_window=w)) for w in (None, 3))
    assert torch.equal(plain.keypoints[..., 2], windowed.keypoints[..., 2])
    assert torch.equal(plain.scores, windowed.scores) and torch.equal(plain.valid, windowed.valid)
    assert (plain.keypoints - windowed.keypoints)[..., :2].abs().amin(dim=(0, 1, 2)).gt(0).all()


def test_xy_window_needs_the_plane() -> None:
    marginals = from_plane(torch.ones(3, 3))._replace(plane=None)
    with pytest.raises(ValueError, match=r'plane is needed with xy_window; volume_marginals\(..., with_plane=True\)'):
        decode_marginals(marginals, Decoding(1, 1, xy_window=3))


def test_peak_threshold_is_relative_to_the_highest() -> None:
    profile = [0.0, 0.6, 0.0, 0.29, 0.0, 0.05, 0.0]
    count = [int(decode_marginals(from_profile(profile), Decoding(3, 1, threshold)).valid.sum())
             for threshold in (0.0, 0.1, 0.45, 0.5, 1.0)]
    assert count == [3, 2, 2, 1, 1]


def test_hypothesis_takes_each_keypoints_own_peak_and_poses_are_ordered() -> None:
    decoded = decode_marginals(from_profile([0, 0.5, 0, 0.2, 0, 0.1, 0], [0, 0.1, 0, 0.3, 0, 0.2, 0]), Decoding(3, 1))
    index = depth_peaks(decoded.depth_heatmap, 3).index[0]
    assert index.tolist() == [[1, 3, 5], [3, 5, 1]]
    means = decoded.scores.mean(-1)[0]
    assert means.tolist() == sorted(means.tolist(), reverse=True)


def test_pose_scores_descend_on_random_heatmaps() -> None:
    means = decode_hypotheses(logits(8, 4 * 12, 3, 3) * 3, 4, Decoding(4, 3)).scores.mean(-1)
    assert (means[:, :-1] >= means[:, 1:]).all()


def test_border_maximum_still_gives_a_usable_first_hypothesis() -> None:
    decoded = decode_marginals(from_profile([0.1, 0.2, 0.3, 0.4]), Decoding(2, 3))
    assert decoded.valid[0, :, 0].tolist() == [True, False]
    assert decoded.scores[0, :, 0].tolist() == pytest.approx([0.4, 0.0])
    positions = bin_positions(4)
    expected = (0.3 * positions[2] + 0.4 * positions[3]) / 0.7
    assert decoded.keypoints[0, :, 0, 2].tolist() == pytest.approx([expected.item()] * 2)


def test_interior_peak_is_preferred_to_a_higher_border() -> None:
    assert depth_peaks(torch.tensor([[[0.6, 0.1, 0.2, 0.1]]]), 1).index.item() == 2


def test_plateau_is_one_peak_at_its_middle() -> None:
    peaks = depth_peaks(torch.tensor([[[0.0, 0.1, 0.2, 0.2, 0.2, 0.1, 0.0, 0.05, 0.05, 0.0]]]), 3)
    assert peaks.index[0, 0].tolist() == [3, 7, 3]
    assert peaks.valid[0, 0].tolist() == [True, True, False]


def test_flat_heatmap_is_in_the_middle_with_finite_gradient() -> None:
    flat = torch.zeros(1, 2 * 9, 4, 5, requires_grad=True)
    decoded = decode_hypotheses(flat, 2, Decoding(3, 3))
    assert decoded.valid.sum().item() == 2
    torch.testing.assert_close(decoded.keypoints, torch.zeros_like(decoded.keypoints), rtol=0, atol=1e-6)
    (decoded.keypoints.sum() + decoded.scores.sum()).backward()
    assert flat.grad.isfinite().all()
    assert flat.grad.abs().sum() > 0


def test_underflow_to_zero_is_no_peak() -> None:
    spiked = torch.zeros(1, 8, 2, 2)
    spiked[0, 3, 0, 0] = 1e4
    decoded = decode_hypotheses(spiked, 1, Decoding(3, 3))
    assert decoded.valid[0, :, 0].tolist() == [True, False, False]
    assert decoded.keypoints.isfinite().all()


def test_gradient_reaches_only_the_window() -> None:
    marginals = from_profile([0.0, 0.3, 0.1, 0.0, 0.2, 0.4, 0.0])
    z = marginals.z.clone().requires_grad_()
    decode_marginals(marginals._replace(z=z), Decoding(1, 3)).keypoints[..., 2].sum().backward()
    assert z.grad[0, 0, :4].eq(0).all()
    assert z.grad[0, 0, 4:].ne(0).any()


def test_autocast_computes_in_float32() -> None:
    heatmap = logits(1, 2 * 8, 4, 4).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        decoded = decode_hypotheses(heatmap, 2)
    reference = decode_hypotheses(heatmap.float(), 2)
    assert decoded.keypoints.dtype == torch.float32
    torch.testing.assert_close(decoded.keypoints, reference.keypoints)


def test_aligned_corners_shift_by_half_a_bin() -> None:
    heatmap = logits(1, 2 * 8, 4, 16)
    shift = decode_hypotheses(heatmap, 2).keypoints - decode_hypotheses(heatmap, 2, align_corners=True).keypoints
    torch.testing.assert_close(shift, torch.tensor([1 / 16, 1 / 4, 1 / 8]).expand_as(shift))


@pytest.mark.parametrize('xy', [{}, dict(xy_window=3), dict(xy_window=3, xy_peak_window=3)])
@pytest.mark.parametrize(('num', 'window'), [(1, None), (3, 3)])
def test_gradcheck(num: int, window: int | None, xy: dict[str, int]) -> None:
    heatmap = logits(1, 2 * 7, 4, 5, seed=3, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda v: decode_hypotheses(v, 2, Decoding(num, window, **xy))[:2], heatmap)
