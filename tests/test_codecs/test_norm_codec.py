import numpy as np
import pytest
import torch

from mmxas.codecs import NormCodec
from mmxas.ops import Decoding, decode_hypotheses
from mmxas.registry import KEYPOINT_CODECS


def test_corners_and_depth():
    codec = KEYPOINT_CODECS.build(dict(type='NormCodec'))
    encoded = codec.encode(
        np.array([[[0.0, 3.0], [1.5, -0.5]]]), None, np.array([[500.0, -2000.0]]), rect_3d_width=2000.0,
        input_size=(4, 4))
    assert np.allclose(encoded['keypoint_norm'], [[[-0.75, 0.75, 0.25], [0, -1, -1]]])
    assert encoded['keypoint_norm'].dtype == encoded['keypoint_weights'].dtype == np.float32
    assert encoded['keypoint_weights'].tolist() == [[1, 1]]


def test_aligned_corners_lie_at_the_ends():
    corners, depths = np.array([[[0.0, 63.0]]]), np.array([[750.0]])
    encoded = NormCodec(align_corners=True).encode(corners, None, depths, rect_3d_width=1500.0, input_size=(64, 64))
    assert np.allclose(encoded['keypoint_norm'], [[[-1, 1, 0.5 * 64 / 63]]])


@pytest.mark.parametrize('align_corners', [False, True])
def test_a_peak_at_a_label_is_decoded_to_it(align_corners):
    """Both directions lie in one frame: bin i of a heatmap of the crop's size is pixel i."""
    codec = NormCodec(align_corners, dict(num_hypotheses=1, window=3))
    logits = torch.full((1, 2, 8, 8, 8), -50.0)
    logits[0, 0, 5, 3, 6], logits[0, 1, 2, 1, 4] = 50.0, 50.0  # (D, y, x)
    hypotheses, marginals = codec.decode(logits.flatten(1, 2), 2, 8)
    pixels = np.array([[[6.0, 3.0], [4.0, 1.0]]])
    encoded = codec.encode(pixels, None, np.zeros((1, 2)), rect_3d_width=2000.0, input_size=(8, 8))['keypoint_norm']
    found = hypotheses.keypoints[0, 0, :, :2].numpy()
    # Aligned corners put bins at 2 i / n - 1 and pixels at 2 p / (n - 1) - 1, as the released code does.
    wanted = (encoded[0, :, :2] + 1) * 7 / 8 - 1 if align_corners else encoded[0, :, :2]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert marginals.z.shape == (1, 2, 8) and marginals.plane is None


def test_options_of_one_call_replace_the_codecs():
    codec, logits = NormCodec(decoding=dict(num_hypotheses=2, window=3)), torch.randn(1, 24, 4, 4)
    found, marginals = codec.decode(logits, 3, 8, dict(xy_window=1))
    wanted = decode_hypotheses(logits, 3, Decoding(2, window=3, xy_window=1))
    assert torch.equal(found.keypoints, wanted.keypoints) and marginals.plane is not None
    assert codec.decoding == Decoding(2, window=3)


def test_wrong_options_are_refused_when_it_is_built():
    with pytest.raises(ValueError, match="align_corners: one of False, True expected, got 'center'"):
        NormCodec('center')
    with pytest.raises(ValueError, match='decoding: windows unknown; there are: num_hypotheses'):
        NormCodec(decoding=dict(windows=3))


def test_nothing_is_encoded_without_labels():
    codec = NormCodec()
    assert codec.encode(np.zeros([]), np.ones((1, 1, 1))) == {}
    assert codec.encode(np.zeros((1, 3, 2)), None, np.zeros((1, 3)), rect_3d_width=None) == {}


def test_square_crops_only():
    for size in ((192, 256), None):
        with pytest.raises(ValueError, match='crops are square'):
            NormCodec().encode(np.zeros((1, 3, 2)), None, np.zeros((1, 3)), 2000.0, size)
