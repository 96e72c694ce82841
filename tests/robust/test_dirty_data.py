"""Dirty annotations, masks, images and names: each trains on with a finite loss, or is refused by its name."""
import io
import json
import pickle
import re
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.registry import DefaultScope
from PIL import Image
from test_models.conftest import estimator_config

from mmxas.apis.image_inputs import as_image_inputs, boxes_by_image
from mmxas.datasets.datasets import image_folder
from mmxas.datasets.datasets.annotation_checks import box_fault
from mmxas.datasets.transforms import LoadXASImage, UnreadableImageError, loading
from mmxas.io.images import decode_image
from mmxas.ops.boxes import mask_box
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import DATASETS, MODELS
from mmxas.synthesis.cameras import read_camera_file

KIND = 'dirty'
pytestmark = pytest.mark.hostile
SIZE = 32
PIPELINE = [
    dict(type='LoadXASImage', on_error='skip'), dict(type='LoadMask', on_error='skip'),
    dict(type='GetBBoxCenterScale', padding=1.25), dict(type='SquareCropAffine', input_size=(SIZE, SIZE)),
    dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
    dict(type='PackXASInputs')]
FAST = settings(max_examples=30, deadline=None, derandomize=True, database=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


@pytest.fixture(autouse=True)
def scope():
    """mmpose's registries."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


@pytest.fixture(scope='module')
def model():
    """A detector with the mask loss."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        preprocessor = dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3)
        model = MODELS.build(estimator_config(data_preprocessor=preprocessor))
    model.init_weights()
    model.set_stage(dict(mask=1.0))
    return model.train()


def train_on(model, samples: list[dict]) -> float:
    """The loss of samples, and that its gradient is finite."""
    batch = {key: [sample[key] for sample in samples] for key in ('inputs', 'data_samples')}
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(domain='target'))
    model.zero_grad()
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    total = sum(value for name, value in losses.items() if name.startswith('loss'))
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    return float(total)


def folder_of(root: Path, image: bytes, mask: bytes | None = None, name: str = 'photo.png') -> Path:
    """A folder of images, with one, and its masks."""
    for kind, data in (('images', image), ('masks', mask)):
        shutil.rmtree(root / kind, ignore_errors=True)
        if data is not None:
            (root / kind / name).parent.mkdir(parents=True, exist_ok=True)
            (root / kind / name).write_bytes(data)
    return root


def load(root: Path, **kwargs):
    """The data set of such a folder."""
    if (root / 'masks').is_dir():
        kwargs.setdefault('masks', str(root / 'masks'))
    return DATASETS.build(dict(type='ImageFolderDataset', data_root=str(root / 'images'), pipeline=PIPELINE, **kwargs,
                               skeleton='h36m18'))


def png(array: np.ndarray, suffix: str = '.png') -> bytes:
    """An encoded image."""
    return cv2.imencode(suffix, array)[1].tobytes()


GRADIENT = np.linspace(0, 255, 40 * 30 * 3).reshape(40, 30, 3).astype(np.uint8)
BODY = np.zeros((40, 30), np.uint8)
BODY[10:30, 8:20] = 255


def pillow(mode: str, kind: str = 'PNG', **options) -> bytes:
    """The gradient in another mode."""
    buffer = io.BytesIO()
    image = Image.fromarray(GRADIENT)
    if mode == 'I;16':
        image = Image.fromarray(GRADIENT[..., 0].astype(np.uint16) * 257)
    elif mode == 'F':
        image = Image.fromarray(GRADIENT[..., 0].astype(np.float32))
    else:
        image = image.convert(mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated(orientation: int) -> bytes:
    """A photo that was taken with the camera turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return pillow('RGB', 'JPEG', exif=exif.tobytes())


IMAGES = {
    'grey': pillow('L'), 'grey with alpha': pillow('LA'), 'alpha': pillow('RGBA'), '16 bit': pillow('I;16'),
    '16 bit colour': png(GRADIENT.astype(np.uint16) * 257), 'palette': pillow('P'), 'one bit': pillow('1'),
    'CMYK jpeg': pillow('CMYK', 'JPEG'), 'progressive jpeg': pillow('RGB', 'JPEG', progressive=True),
    'grey jpeg': pillow('L', 'JPEG'), 'lossless webp': pillow('RGB', 'WEBP', lossless=True),
    'tiff of LZW': pillow('RGB', 'TIFF', compression='tiff_lzw'),
    'bmp': pillow('RGB', 'BMP'), 'transparent': png(np.zeros((40, 30, 4), np.uint8)), 'all white': png(GRADIENT | 255),
    'bytes behind the end': pillow('RGB') + b'trailer' * 9,
    'another suffix': pillow('RGB', 'JPEG')}


@pytest.mark.parametrize('kind', IMAGES)
def test_an_image_of_another_kind(kind, tmp_path, model):
    dataset = load(folder_of(tmp_path, IMAGES[kind], png(BODY)))
    train_on(model, [dataset[0]])
    assert dataset[0]['inputs'].shape == (3, SIZE, SIZE)


def test_an_image_of_floats_is_read(tmp_path):
    dataset = load(folder_of(tmp_path, pillow('F', 'TIFF'), png(BODY)))
    image = LoadXASImage().transform(dataset.get_data_info(0))['img']
    np.testing.assert_array_equal(image[..., 0], np.array(Image.open(tmp_path / 'images/photo.png')).astype(np.uint8))


@pytest.mark.parametrize('orientation', range(2, 9))
def test_a_turned_photo_and_its_mask(orientation, tmp_path, model):
    turned = decode_image(rotated(orientation), 'a')
    root = folder_of(tmp_path, rotated(orientation), png(np.zeros(turned.shape[:2], np.uint8) + 255))
    train_on(model, [load(root)[0]])
    if orientation >= 5:
        with pytest.raises(ValueError, match='photo.png: mask of 30 x 40 px, but its image'):
            load(folder_of(tmp_path, rotated(orientation), png(BODY)))


SMALL = {'1 x 1': (1, 1), '1 x 500': (1, 500), '500 x 1': (500, 1), '2 x 2': (2, 2), '3000 x 4': (3000, 4)}


@pytest.mark.parametrize('size', SMALL)
def test_a_small_image(size, tmp_path, model):
    height, width = SMALL[size]
    full = np.full((height, width), 255, np.uint8)
    train_on(model, [load(folder_of(tmp_path, png(np.dstack([full] * 3)), png(full)))[0]])


def holes() -> np.ndarray:
    mask = BODY.copy()
    mask[12:28:2, 9:19:2] = 0
    return mask


MASKS = {
    'holes': holes(), 'one pixel': np.pad([[255]], ((3, 36), (4, 25))).astype(np.uint8), 'full': BODY | 255,
    'values of 1': BODY // 255, 'grey edges': cv2.GaussianBlur(BODY, (9, 9), 3), 'islands': BODY // 255 * (
        np.indices(BODY.shape).sum(0) % 2 * 255).astype(np.uint8), 'colours': np.dstack([BODY, BODY // 2, BODY]),
    '16 bit': BODY.astype(np.uint16) * 257, 'alpha': np.dstack([BODY] * 4), 'border': np.pad(
        np.zeros((38, 28), np.uint8), 1, constant_values=255)}


@pytest.mark.parametrize('kind', MASKS)
def test_a_mask(kind, tmp_path, model):
    train_on(model, [load(folder_of(tmp_path, png(GRADIENT), png(MASKS[kind])))[0]])


@pytest.mark.parametrize(('fault', 'mask', 'message'), [
    ('of another size', png(BODY[:20]), 'mask of 30 x 20 px'), ('of no byte', b'', 'not an image'),
    ('cut', png(BODY)[:60], 'truncated'), ('html', b'<html>', 'not an image')])
def test_a_bad_mask_is_named(fault, mask, message, tmp_path):
    with pytest.raises((ValueError, UnreadableImageError), match=f'photo.png.*{message}'):
        load(folder_of(tmp_path, png(GRADIENT), mask))


def test_black_masks_are_counted_and_none_is_an_error(tmp_path, said):
    with pytest.raises(FileNotFoundError, match='none of its 1 images can be used'):
        load(folder_of(tmp_path, png(GRADIENT), png(BODY * 0)))
    assert len(said) == 1 and re.fullmatch(r'skipped sample number 1: .*photo.png: the mask is all black', said[0])


@FAST
@given(mask=st.lists(st.integers(0, 255), min_size=64, max_size=64))
def test_any_mask(mask, model, tmp_path):
    array = np.array(mask, np.uint8).reshape(8, 8)
    root = folder_of(tmp_path, png(np.zeros((8, 8, 3), np.uint8)), png(array))
    if mask_box(array) is None:
        with pytest.raises(FileNotFoundError):
            load(root)
    else:
        train_on(model, [load(root)[0]])


@FAST
@given(box=st.lists(NUMBERS, min_size=1, max_size=5))
def test_any_box(box, model, tmp_path):
    root = folder_of(tmp_path, png(GRADIENT), png(BODY))
    text = json.dumps({'photo.png': box})
    (tmp_path / 'boxes.json').write_text(text)
    try:
        dataset = load(root, boxes=str(tmp_path / 'boxes.json'))
    except ValueError as error:
        assert 'photo.png' in str(error)
        return
    assert box_fault(np.float32(box)) is None
    sample = dataset[0]
    train_on(model, [sample])


BOXES = {'negative': [-50, -40, 10, 10], 'a hundredth of a pixel': [5, 5, 5.01, 5.01],
         'a million px': [-5e5, -5e5, 5e5, 5e5], 'a line': [0, 10, 30, 10.5], 'in a list': [[0, 0, 5, 5]]}


@pytest.mark.parametrize('kind', BOXES)
def test_a_box(kind, tmp_path, model):
    root = folder_of(tmp_path, png(GRADIENT), png(BODY))
    train_on(model, [load(root, boxes={'photo.png': BOXES[kind]})[0]])


BAD_BOXES = {
    'turned': [10, 10, 5, 5], 'a point': [5, 5, 5, 5], 'NaN': [0, 0, float('nan'), 5],
    'infinite': [0, 0, float('inf'), 5], 'of three': [1, 2, 3], 'of text': ['a', 'b', 'c', 'd'],
    'nested twice': [[[0, 0, 5, 5]]], 'one of two': [[0, 0, 5, 5], [0, 0, 0, 5]], 'off the image': [500, 500, 600, 700]}


@pytest.mark.parametrize('kind', BAD_BOXES)
def test_a_bad_box_is_named(kind, tmp_path):
    with pytest.raises(ValueError, match='photo.png'):
        load(folder_of(tmp_path, png(GRADIENT), png(BODY)), boxes={'photo.png': BAD_BOXES[kind]})


@FAST
@given(box=st.lists(NUMBERS, min_size=4, max_size=4))
def test_any_box_of_an_inference(box):
    image = as_image_inputs(np.zeros((8, 8, 3), np.uint8))
    try:
        found = boxes_by_image(box, image)[0]
    except ValueError as error:
        assert '000000' in str(error)
    else:
        assert np.isfinite(found).all() and (found[:, 2:] > found[:, :2]).all()


NAMES = {'spaces': 'a photo of  a body.png', 'unicode': 'фото人物é.png', 'emoji': '🐾.png', 'quotes': 'it\'s "one".png',
         'percent': '100%d{x}.png', 'dots': '..a..b..png', 'a newline': 'a\nb.png', 'a dash': '-rf.png',
         'upper case suffix': 'PHOTO.PNG', 'long': 'a' * 240 + '.png', 'deep': '/'.join('abcdefgh') + '/x.png',
         'a glob': '[a-z]*?.png', 'a colon': 'clip.mp4:7.png', 'a backslash': 'a\\b.png'}


@pytest.mark.parametrize('kind', NAMES)
def test_a_name(kind, tmp_path, model):
    dataset = load(folder_of(tmp_path, png(GRADIENT), png(BODY), NAMES[kind]))
    train_on(model, [dataset[0]])
    assert dataset.get_data_info(0)['sample_name'] == NAMES[kind]


def test_one_name_in_two_folders(tmp_path, model):
    root = folder_of(tmp_path, png(GRADIENT), png(BODY), 'a/x.png')
    for kind in ('images', 'masks'):
        shutil.copytree(root / kind / 'a', root / kind / 'b')
    dataset = load(root)
    assert [dataset.get_data_info(i)['sample_name'] for i in (0, 1)] == ['a/x.png', 'b/x.png']
    train_on(model, [dataset[0], dataset[1]])


def test_one_stem_with_two_suffixes_in_inference(tmp_path):
    for name in ('x.png', 'x.jpg', 'y.png'):
        (tmp_path / name).write_bytes(png(GRADIENT, name[1:]))
    names = [image.name for image in as_image_inputs(str(tmp_path))]
    assert len(set(names)) == 3


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """What data sets log."""
    lines: list[str] = []
    for module in (loading, image_folder):
        monkeypatch.setattr(module, 'print_log', lambda text, *_, **__: lines.append(text))
    return lines


@pytest.mark.parametrize('fault', ['no byte', 'cut', 'html', 'a folder', 'a dead link', 'a pipe'])
def test_a_bad_file_is_skipped_and_counted(fault, tmp_path, said):
    root = folder_of(tmp_path, png(GRADIENT), None, 'good.png')
    bad = root / 'images' / 'bad.png'
    if fault == 'a folder':
        bad.mkdir()
    elif fault == 'a dead link':
        bad.symlink_to('/nowhere')
    elif fault == 'a pipe':
        __import__('os').mkfifo(bad)
    else:
        bad.write_bytes({'no byte': b'', 'cut': png(GRADIENT)[:200], 'html': b'<html>'}[fault])
        with pytest.raises(UnreadableImageError, match='bad.png'):
            load(root)
    dataset = load(root, on_error='skip')
    assert [dataset.get_data_info(i)['sample_name'] for i in range(len(dataset))] == ['good.png']
    assert len(said) == 2 and said[0].startswith('skipped unreadable image number 1: ') and 'bad.png' in said[0]
    assert said[1].endswith('images: 1 of 2 images are used')


@pytest.mark.parametrize('number', [0, 1])
def test_few_samples(number, tmp_path, model):
    root = folder_of(tmp_path, png(GRADIENT), None)
    if not number:
        (root / 'images' / 'photo.png').unlink()
        with pytest.raises(FileNotFoundError, match='no image in this folder'):
            load(root)
    else:
        assert len(load(root)) == 1


FRAME = 'S9_Walking_1.54138969_000001.jpg'


def recorded(root: Path, change: dict | None = None, camera: dict | None = None, **kwargs):
    """One frame of Human3.6M's layout with something changed."""
    rng = np.random.default_rng(0)
    (root / FRAME).write_bytes(png(np.repeat(np.repeat(GRADIENT, 5, 0), 6, 1), '.jpg'))
    content = dict(imgname=np.array([FRAME]), center=np.array([[100.0, 90.0]]), scale=np.array([0.5]),
                   S=rng.uniform([-0.5, -0.8, 4.5, 1], [0.5, 0.8, 5.5, 1], (1, 17, 4)), part=rng.uniform(50, 150, (1,
                                                                                                                   17,
                                                                                                                   3)))
    for (key, place), value in (change or {}).items():
        content[key][place] = value
    np.savez(root / 'a.npz', **content)
    entry = dict(dict(f=np.array([[250.0], [252.0]]), c=np.array([[100.0], [101.0]])), **(camera or {}))
    (root / 'cameras.pkl').write_bytes(pickle.dumps({('S9', '54138969'): entry}))
    return DATASETS.build(dict(type='H36MPoseDataset', data_root=str(root), ann_file='a.npz', pipeline=PIPELINE,
                               **dict(dict(with_labels=True), **kwargs), skeleton='h36m18'))


nan, inf = float('nan'), float('inf')
ANNOTATED = dict(box='annotation')
ANNOTATIONS = {
    'NaN keypoint': ({('S', (0, 3, 1)): nan}, None, {}), 'infinite keypoint': ({('S', (0, 5, 0)): inf}, None, {}),
    'NaN root': ({('S', (0, 0, 2)): nan}, None, {}), 'root behind the camera': ({('S', (0, 0, 2)): -5.0}, None, {}),
    'root in the camera': ({('S', (0, 0, 2)): 0.0}, None, {}), 'NaN px': ({('part', (0, 2, 0)): nan}, None, {}),
    'infinite px': ({('part', (0, 2, 0)): inf}, None, {}), 'no focal length': (None, dict(f=np.zeros((2, 1))), {}),
    'negative focal length': (None, dict(f=np.array([[-250.0], [250.0]])), {}),
    'NaN focal length': (None, dict(f=np.full((2, 1), nan)), {}),
    'infinite centre': (None, dict(c=np.full((2, 1), inf)), {}),
    'NaN centre of the box': ({('center', (0, 0)): nan}, None, ANNOTATED),
    'no scale': ({('scale', 0): 0.0}, None, ANNOTATED), 'negative scale': ({('scale', 0): -1.0}, None, ANNOTATED),
    'infinite scale': ({('scale', 0): inf}, None, ANNOTATED)}


@pytest.mark.parametrize('kind', ANNOTATIONS)
def test_a_bad_annotation_is_named_or_skipped(kind, tmp_path, said):
    change, camera, kwargs = ANNOTATIONS[kind]
    with pytest.raises(ValueError, match=FRAME):
        recorded(tmp_path, change, camera, **kwargs)
    with pytest.raises(ValueError, match='no frame is left'):
        recorded(tmp_path, change, camera, on_error='skip', **kwargs)
    assert [line for line in said if FRAME in line and ' number 1: ' in line], said


@FAST
@given(points=st.lists(NUMBERS, min_size=51, max_size=51))
def test_any_pose(points, tmp_path):
    """Labels that reach a sample are finite."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            dataset = recorded(tmp_path, {('S', 0): np.c_[np.reshape(points, (17, 3)), np.ones(17)]})
        except ValueError as error:
            assert FRAME in str(error)
            return
        labels = dataset[0]['data_samples'].gt_instance_labels
        assert torch.isfinite(labels.keypoint_norm[labels.keypoint_weights > 0]).all()


@FAST
@given(values=st.lists(NUMBERS, min_size=4, max_size=4))
def test_any_camera(values, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            info = recorded(tmp_path, None, dict(f=np.reshape(values[:2], (2, 1)), c=np.reshape(values[2:], (2,
                                                                                                             1)))).get_data_info(0)
        except ValueError as error:
            assert FRAME in str(error)
            return
    assert np.isfinite(info['bbox']).all() and (info['bbox'][0, 2:] > info['bbox'][0, :2]).all()
    assert np.isfinite(info['keypoints']).all()


CAMERAS = {'no K': {}, 'K of two rows': {'K': [[1, 0, 0], [0, 1, 0]]}, 'text': {'K': 'a'}, 'a list': []}


@pytest.mark.parametrize('kind', CAMERAS)
def test_a_bad_camera_file_is_named(kind, tmp_path):
    (tmp_path / 'cameras.json').write_text(json.dumps([CAMERAS[kind]]))
    with pytest.raises(ValueError, match='cameras.json'):
        read_camera_file(tmp_path / 'cameras.json')


def test_points_in_the_camera_are_named():
    with np.errstate(all='ignore'):
        try:
            found = camera_to_image(np.array([[1.0, 1.0, 0.0]]), np.eye(3))
        except ValueError as error:
            assert 'camera' in str(error) or 'depth' in str(error)
        else:
            assert found.shape == (1, 3)
