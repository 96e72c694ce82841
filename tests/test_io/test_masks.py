"""One shape, saved as people save masks, is always that shape, or refused by name."""
import cv2
import numpy as np
import pytest
from PIL import Image

from mmxas.io import AmbiguousMaskError, foreground, inspect_mask, nearly_all_bad, read_mask
from mmxas.io.images import UnreadableImageError
from mmxas.io.masks import MAX_LABELS

BODY = np.zeros((60, 80), np.uint8)
cv2.ellipse(BODY, (40, 30), (14, 22), 20, 0, 360, 1, -1)
PARTS = BODY * (1 + (np.arange(80) > 40)).astype(np.uint8)  # ids 1 and 2
RIM = cv2.dilate(BODY, np.ones((5, 5), np.uint8)) - BODY
VOC = [200, 30, 30, 128, 0, 0, 0, 128, 0, *np.random.default_rng(0).integers(0, 256, 759).tolist()]
PHOTO = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def paletted(indices, palette=VOC):
    image = Image.fromarray(indices, 'L')
    image = Image.frombytes('P', image.size, image.tobytes())
    image.putpalette(palette)
    return image


def grey_palette(indices):
    return paletted(indices, [level // 3 for level in range(768)])


def colours(*rgb, dtype=np.uint8):
    return BODY[..., None].astype(dtype) * np.array(rgb, dtype)


def cutout(alpha=BODY * 255, image=PHOTO):
    return Image.fromarray(np.dstack([image, alpha]))


def save(path, image, **options):
    if isinstance(image, np.ndarray) and image.dtype in (np.uint16, np.float32) or path.suffix == '.tif':
        cv2.imwrite(str(path), image)
    else:
        (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    return path


SAVED = {
    '0 and 255': ('a.png', BODY * 255, {}), '0 and 1': ('a.png', BODY, {}), 'a class': ('a.png', BODY * 15, {}),
    'ids of 16 bits': ('a.png', BODY.astype(np.uint16) * 1003, {}), 'colours': ('a.png', colours(0, 0, 128), {}),
    'a colour hardly seen': ('a.png', colours(0, 1, 0), {}),
    'colours of 16 bits': ('a.png', colours(0, 300, 7, dtype=np.uint16), {}),
    'one bit': ('a.png', Image.fromarray(BODY * 255).convert('1'), {}),
    'floats': ('a.tif', BODY.astype(np.float32), {}),
    'a palette': ('a.png', paletted(BODY), {}), 'a palette with void': ('a.png', paletted(BODY + RIM * 255), {}),
    'a palette of greys with void': ('a.png', grey_palette(BODY * 15 + RIM * 255), {}),
    'greys with a palette': ('a.png', grey_palette(BODY * 255), {}), 'a gif': ('a.gif', paletted(BODY), {}),
    'a cut-out': ('a.png', cutout(), {}), 'a cut-out of little opacity': ('a.png', cutout(BODY * 100 + 100), {}),
    'a cut-out of 256 colours': ('a.png', cutout().quantize(256), {}),
    'a cut-out in grey': ('a.png', cutout().convert('LA'), {}),
    'a cut-out as webp': ('a.webp', cutout(), dict(lossless=True)),
    'a colour that means transparent': ('a.png', Image.fromarray(200 - BODY * 80), dict(transparency=200)),
    'opaque': ('a.png', cutout(BODY * 0 + 255, colours(255, 255, 255)), {}),
    'a jpeg': ('a.jpg', BODY * 255, dict(quality=60)), 'a jpeg in colour': ('a.jpg', colours(255, 255, 255), {}),
    'a lossy webp': ('a.webp', colours(255, 255, 255), dict(quality=60))}


@pytest.mark.parametrize('kind', SAVED)
def test_one_shape_however_it_is_saved(tmp_path, kind):
    name, image, options = SAVED[kind]
    mask = read_mask(save(tmp_path / name, image, **options))
    assert mask.dtype == bool
    wrong = (mask != BODY.astype(bool))
    assert not wrong.any() if not name.endswith('jpg') else wrong.mean() < 0.001, np.argwhere(wrong)[:3]


def test_soft_masks_end_at_half_of_their_maximum(tmp_path):
    soft = cv2.GaussianBlur(BODY * 240, (0, 0), 2)
    assert len(np.unique(soft)) > MAX_LABELS
    right = soft > soft.max() / 2
    for image in (soft, soft.astype(np.uint16) * 100):
        np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.png', image)), right)
    np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.tif', soft.astype(np.float32) / 255)), right)
    np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.png', grey_palette(soft))), right)


def test_up_to_32_values_what_is_not_0_counts():
    for count in (MAX_LABELS, MAX_LABELS + 1):
        levels = np.arange(count, dtype=np.uint8).repeat(2).reshape(2, -1)
        found = foreground(levels)
        assert found.mask.sum() == (2 * count - 2 if count == MAX_LABELS else 2 * (count - 1 - (count - 1) // 2))
        assert found.rule == ('not 0' if count == MAX_LABELS else 'above half of the maximum')


def test_the_edge_of_a_smaller_copy_is_no_ids(tmp_path):
    small = cv2.resize(BODY * 255, (40, 30), interpolation=cv2.INTER_AREA)
    assert len(np.unique(small)) == 5
    np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.png', small)), small > 0)
    np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.png', grey_palette(small))), small > 0)


@pytest.mark.parametrize('image', [PARTS, paletted(PARTS), PARTS.astype(np.uint16) * 500, 1 + PARTS,
                                   np.dstack([PARTS * 100] * 3)])
def test_several_ids_are_refused_or_chosen(tmp_path, image):
    path = save(tmp_path / 'a.png', image)
    pixels = np.asarray(image).max(axis=2) if np.ndim(image) == 3 else np.asarray(image)
    first = int(pixels[PARTS == 1][0])
    with pytest.raises(AmbiguousMaskError, match=rf'a\.png: areas of several ids \(.*{first}.*choose by ids=') as error:
        read_mask(path)
    assert error.value.kind == 'several ids' and error.value.mask[BODY == 1].all()
    np.testing.assert_array_equal(read_mask(path, [first]), PARTS == 1)
    np.testing.assert_array_equal(read_mask(path, ids=[first, int(pixels[PARTS == 2][0])]), BODY == 1)
    assert not read_mask(path, [77]).any()


@pytest.mark.parametrize('name', ['a.png', 'a.jpg'])
def test_inverted_masks_are_refused_or_chosen(tmp_path, name):
    path = save(tmp_path / name, 255 - BODY * 255)
    with pytest.raises(ValueError, match=rf'a\.{name[2:]}: the mask looks inverted, it covers 100 %'):
        read_mask(path)
    assert (read_mask(path, [0]) != BODY).mean() < 0.001 > (read_mask(path, [255]) == BODY).mean()


def test_void_can_be_chosen(tmp_path):
    path = save(tmp_path / 'a.png', paletted(BODY + RIM * 255))
    np.testing.assert_array_equal(read_mask(path, [255]), RIM == 1)


def test_bodies_that_touch_the_border_are_not_inverted(tmp_path):
    large = np.zeros((60, 80), np.uint8)
    large[:, 4:76] = 255
    assert read_mask(save(tmp_path / 'a.png', large)).mean() == 0.9
    frame = np.pad(np.zeros((58, 78), np.uint8), 1, constant_values=255)
    assert read_mask(save(tmp_path / 'a.png', frame)).sum() == 2 * 60 + 2 * 78
    for value in (0, 255):
        assert read_mask(save(tmp_path / 'a.png', BODY * 0 + value)).mean() == value / 255


@pytest.mark.parametrize('value', [10, 15, 20])
def test_a_jpeg_of_one_low_id_is_its_body(tmp_path, value):
    mask, body = read_mask(save(tmp_path / 'a.jpg', BODY * value, quality=95)), BODY.astype(bool)
    assert (mask & body).sum() > 0.95 * (mask | body).sum()


def test_a_black_jpeg_is_black(tmp_path):
    noise = np.random.default_rng(0).integers(0, 5, (60, 80), dtype=np.uint8)
    assert not read_mask(save(tmp_path / 'a.jpg', noise)).any()


def test_turned_masks_are_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    right = np.rot90(BODY, -1)
    for name, image in (('a.tif', Image.fromarray(BODY * 255)), ('p.tif', paletted(BODY)), ('a.png', cutout()),
                        ('a.jpg', Image.fromarray(BODY * 255))):
        image.save(tmp_path / name, exif=exif)
        assert (read_mask(tmp_path / name) != right).mean() < 0.001, name


def test_rules_are_named(tmp_path):
    for kind, rule in (('0 and 1', 'not 0'), ('a palette', 'palette index not 0'),
                       ('a cut-out', 'more than half opaque'), ('a jpeg', 'above half of the maximum')):
        name, image, options = SAVED[kind]
        assert inspect_mask(save(tmp_path / name, image, **options)).rule == rule
    assert inspect_mask(save(tmp_path / 'a.png', PARTS), [1, 2]).rule == 'ids 1, 2'


def test_arrays_in_memory():
    np.testing.assert_array_equal(foreground(BODY.astype(bool)).mask, BODY == 1)
    grey = np.array([[0, 100, 127, 128]], np.uint8)
    assert foreground(grey, 'lossy', peak=255).mask.tolist() == [[False, False, False, True]]
    assert not foreground(np.zeros((0, 0), np.uint8)).mask.size
    assert foreground(np.array([[np.nan, 0.2, 1.0]])).mask.tolist() == [[False, False, True]]


def test_unreadable_masks_are_named(tmp_path):
    with pytest.raises(UnreadableImageError, match=r'none\.png: no such file'):
        read_mask(tmp_path / 'none.png')
    path = save(tmp_path / 'cut.png', paletted(BODY))
    path.write_bytes(path.read_bytes()[:-80])
    with pytest.raises(UnreadableImageError, match=r'cut\.png: truncated image'):
        read_mask(path)


def test_nearly_all_bad():
    assert nearly_all_bad([]) is None and nearly_all_bad([0.0] * 8 + [0.2] * 2) is None
    assert nearly_all_bad([0.0] * 8 + [1.0, 0.3]) == '8 of 10 masks are empty, 1 full'


@pytest.mark.parametrize('quality', [80, 90, 97])
def test_a_jpeg_saved_again_as_a_png(tmp_path, quality):
    """Few values, by chance, but noise around 0 and 255."""
    body = np.zeros((40, 48), np.uint8)
    body[7:33, 10:38] = 1
    noisy = np.asarray(Image.open(save(tmp_path / 'a.jpg', body * 255, quality=quality)))
    assert len(np.unique(noisy)) <= MAX_LABELS and ((noisy > 0) != body).sum() > 30
    for image in (noisy, np.dstack([noisy] * 3), grey_palette(noisy)):
        np.testing.assert_array_equal(read_mask(save(tmp_path / 'a.png', image)), body == 1)


def test_ids_at_both_ends_are_no_noise(tmp_path):
    with pytest.raises(AmbiguousMaskError, match=r'several ids \(2, 253, 255\)'):
        read_mask(save(tmp_path / 'a.png', np.array([0, 2, 253, 255], np.uint8).repeat(6)[None].repeat(9, 0)))
