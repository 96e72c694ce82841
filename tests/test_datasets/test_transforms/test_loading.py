import cv2
import numpy as np
import pytest
from PIL import Image

from mmxas.datasets.transforms import LoadMask, LoadXASImage, UnreadableImageError, read_image
from mmxas.datasets.transforms.loading import SkipCounter, recorded_skips, skips_are_recorded
from mmxas.io.images import open_image


@pytest.fixture(params=['.jpg', '.png'])
def image_file(request, tmp_path):
    path = tmp_path / f'photo{request.param}'
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image)
    return path


def truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[:len(data) * 2 // 3])
    return path


def test_image_from_file_and_memory(image_file):
    results = LoadXASImage()(dict(img_path=str(image_file)))
    assert results['img'].shape == (40, 60, 3) and results['ori_shape'] == results['img_shape'] == (40, 60)
    again = LoadXASImage()(dict(img=results['img']))
    assert again['img'] is results['img'] and again['img_path'] is None


def test_truncated_image_is_named(image_file):
    truncate(image_file)
    with pytest.raises(UnreadableImageError, match=rf'{image_file.name}: truncated image.*on_error'):
        LoadXASImage()(dict(img_path=str(image_file)))


def test_truncated_image_is_skipped_and_counted(image_file):
    transform = LoadXASImage(on_error='skip')
    assert transform(dict(img_path=str(truncate(image_file)))) is None
    assert transform(dict(img_path='absent.jpg')) is None
    assert transform.skipped.count == 2


def test_bytes_after_the_end_are_harmless(image_file):
    data = image_file.read_bytes()
    size = open_image(data, 'a.jpg').size
    assert open_image(data + b'trailer of a camera, 32 bytes or more', 'a.jpg').size == size
    with pytest.raises(UnreadableImageError, match='a.jpg: not an image'):
        open_image(b'', 'a.jpg')


def test_what_is_no_image(tmp_path):
    path = tmp_path / 'notes.jpg'
    path.write_text('no image')
    with pytest.raises(UnreadableImageError, match='notes.jpg: not an image'):
        read_image(path)
    with pytest.raises(UnreadableImageError, match='absent.png: no such file'):
        read_image(tmp_path / 'absent.png')
    with pytest.raises(ValueError, match=r'an image \(h, w, 3\) expected, \(4, 4\) found'):
        LoadXASImage()(dict(img=np.zeros((4, 4))))
    with pytest.raises(ValueError, match='on_error'):
        LoadXASImage(on_error='ignore')


def test_mask_from_memory_and_file(tmp_path):
    mask = np.zeros((40, 60), bool)
    mask[3, 4] = True
    image = np.zeros((40, 60, 3), np.uint8)
    loaded = LoadMask()(dict(img=image, mask=mask))['mask']
    assert loaded.dtype == np.uint8 and loaded[3, 4] == 255 and loaded.sum() == 255
    Image.fromarray(loaded).save(tmp_path / 'mask.png')
    assert (LoadMask()(dict(img=image, mask_path=str(tmp_path / 'mask.png')))['mask'] == loaded).all()
    assert 'mask' not in LoadMask()(dict(img=image))


@pytest.mark.parametrize('values', [np.uint8, np.int64, np.float32, bool])
def test_ids_in_memory_are_foreground(values):
    """A 1 would be nearly black where 255 is white."""
    mask = np.zeros((40, 60), values)
    mask[3:9, 4] = 1
    loaded = LoadMask()(dict(img=np.zeros((40, 60, 3), np.uint8), mask=mask))['mask']
    assert loaded.dtype == np.uint8 and np.unique(loaded).tolist() == [0, 255] and loaded.sum() == 6 * 255


def test_soft_edges_in_memory_stay():
    soft = np.array([[0, 60, 255]], np.uint8)
    loaded = LoadMask()(dict(img=np.zeros((1, 3, 3), np.uint8), mask=soft))
    assert loaded['mask'].tolist() == soft.tolist()


def test_ids_in_a_file_are_refused_or_chosen(tmp_path):
    ids = np.zeros((40, 60), np.uint8)
    ids[10:20, 10:20], ids[10:20, 30:40] = 1, 2
    Image.fromarray(ids).save(tmp_path / 'mask.png')
    results = dict(img=np.zeros((40, 60, 3), np.uint8), mask_path=str(tmp_path / 'mask.png'))
    with pytest.raises(ValueError, match=r'mask\.png: areas of several ids \(1, 2\)'):
        LoadMask()(dict(results))
    assert LoadMask(on_error='skip')(dict(results)) is None
    chosen = LoadMask()(dict(results, mask_ids=[2]))['mask']
    assert chosen[15, 35] == 255 and chosen.sum() == 100 * 255


def test_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    Image.new('L', (61, 40), 255).save(tmp_path / 'mask.png')
    results = dict(img=np.zeros((40, 60, 3), np.uint8), img_path='photo.jpg', mask_path=str(tmp_path / 'mask.png'))
    with pytest.raises(ValueError, match=r'mask.png: mask of 61 x 40 px, but its image photo.jpg has 60 x 40 px'):
        LoadMask(on_error='skip')(results)


def test_black_mask():
    results = dict(img=np.zeros((4, 4, 3), np.uint8), mask=np.zeros((4, 4), np.uint8), sample_name='set/000003')
    skip = LoadMask()
    assert skip(dict(results)) is None and skip.skipped.count == 1
    assert LoadMask(on_empty='keep')(dict(results)) is not None
    with pytest.raises(ValueError, match='set/000003: the mask is all black'):
        LoadMask(on_empty='raise')(dict(results))
    with pytest.raises(ValueError, match='on_empty'):
        LoadMask(on_empty='ignore')


def test_unreadable_mask(image_file):
    results = dict(img=np.zeros((40, 60, 3), np.uint8), mask_path=str(truncate(image_file)))
    with pytest.raises(UnreadableImageError, match=image_file.name):
        LoadMask()(dict(results))
    assert LoadMask(on_error='skip')(dict(results)) is None


def test_reasons_for_skipping_are_recorded_where_they_are_asked_for():
    counter = SkipCounter('thing')
    with recorded_skips() as reasons:
        assert skips_are_recorded()
        counter.add('why')
    counter.add('logged')
    assert reasons == ['why'] and counter.count == 2 and not skips_are_recorded()
