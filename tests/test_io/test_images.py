import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from mmxas.io.images import (
    MAX_PIXELS,
    UnreadableImageError,
    as_8_bits,
    decode_image,
    find_size,
    image_size,
    open_image,
    read_image,
)


def png(width, height):
    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    chunks = [(b'IHDR', size), (b'IDAT', zlib.compress(bytes(100))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data)) for name,
        data in chunks)


def test_a_header_of_ten_thousand_million_px_is_refused():
    assert len(png(100000, 100000)) < 1000
    with pytest.raises(UnreadableImageError, match='a.png: .*could be decompression bomb'):
        decode_image(png(100000, 100000), 'a.png')
    side = int(MAX_PIXELS ** 0.5)
    assert open_image(png(side, side), 'a.png').size == (side, side)
    with pytest.raises(UnreadableImageError, match=r'a.png: .*announces .* px expected at most'):
        open_image(png(side + 1, side + 1), 'a.png')


@pytest.mark.parametrize('mode', ['L', 'LA', 'RGBA', 'I;16', 'P', '1', 'CMYK'])
def test_every_mode_becomes_three_channels_of_8_bits(tmp_path, mode):
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert(mode if mode != 'I;16' else 'I')
    image = Image.fromarray((np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8)) if mode == 'I;16' else image
    data = io.BytesIO()
    image.save(data, 'TIFF' if mode == 'CMYK' else 'PNG')
    decoded = decode_image(data.getvalue(), 'a')
    assert (decoded.shape, decoded.dtype) == ((8, 8, 3), np.uint8)


def test_files_are_named(tmp_path):
    with pytest.raises(UnreadableImageError, match='none.png: no such file'):
        read_image(tmp_path / 'none.png')
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((3, 4, 3), 7, np.uint8))
    assert read_image(tmp_path / 'a.png').shape == (3, 4, 3)
    os.mkfifo(tmp_path / 'pipe.png')
    with pytest.raises(UnreadableImageError, match='pipe.png: expected a regular file, got a pipe'):
        read_image(tmp_path / 'pipe.png')


def tiff(bits, samples, format_of, data):
    """A TIFF (4 x 2 px) of samples of so many bits, 1 unsigned and 3 floats."""
    colour = 2 if samples == 3 else 1
    tags = [(256, 3, 1, 4), (257, 3, 1, 2), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, colour), (273, 4, 1, 134),
            (277, 3, 1, samples), (278, 3, 1, 2), (279, 4, 1, len(data)), (339, 3, 1, format_of)]
    directory = struct.pack('<H', len(tags)) + b''.join(
        struct.pack('<HHI', tag, kind, count) + struct.pack('<I', value) for tag, kind, count, value in tags)
    return (b'II*\0' + struct.pack('<I', 8) + directory + bytes(4)).ljust(134, b'\0') + data


RAMP = np.arange(8).reshape(2, 4) / 7


@pytest.mark.parametrize('values', [
    (RAMP * 4095).astype(np.uint16), (RAMP * 65535).astype(np.uint16), (RAMP * 255).astype(np.uint16),
    RAMP.astype(np.float32), (RAMP * 255).astype(np.float32)], ids=['12', '16', '8 in 16', 'float', 'float to 255'])
def test_a_deep_tiff_shows_what_it_shows_elsewhere(values):
    data = tiff(values.itemsize * 8, 1, 3 if values.dtype.kind == 'f' else 1, values.tobytes())
    decoded = decode_image(data, 'a.tif')
    assert (decoded.shape, decoded.dtype) == ((2, 4, 3), np.uint8)
    np.testing.assert_allclose(decoded[..., 1], RAMP * 255, atol=1)


def test_a_grey_tiff_of_12_packed_bits_is_read():
    bits = ''.join(f'{int(value):012b}' for value in (RAMP * 4095).ravel())
    data = tiff(12, 1, 1, bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
    np.testing.assert_allclose(decode_image(data, 'a.tif')[..., 0], RAMP * 255, atol=1)


def test_a_colour_image_of_12_bits_keeps_its_channels():
    image = np.zeros((4, 5, 3), np.uint16)
    image[..., 0], image[..., 2] = 4095, 2048
    np.testing.assert_array_equal(decode_image(cv2.imencode('.png', image)[1].tobytes(), 'a')[0, 0], [255, 0, 128])
    full = np.random.default_rng(0).integers(0, 65536, (9, 7, 3)).astype(np.uint16)
    np.testing.assert_array_equal(decode_image(cv2.imencode('.png', full)[1].tobytes(), 'a'), full >> 8)


@pytest.mark.parametrize(('values', 'message'), [
    (np.float32([[-1, 0]]), 'float32 values from -1 to 0, 0 to 255 expected'),
    (np.float32([[np.nan, 0]]), 'float32 values from nan to nan'),
    (np.uint32([[0, 70000]]), 'uint32 values from 0 to 70000, 0 to 65535 expected'),
])
def test_values_without_a_known_range_are_refused(values, message):
    with pytest.raises(UnreadableImageError, match=f'a.tif: {message}'):
        as_8_bits(values, 'a.tif')


@pytest.mark.parametrize(('data', 'message'), [
    (tiff(12, 3, 1, bytes(36)), r'12 packed bits.*save it with 8 or 16 bits'),
    (tiff(32, 3, 3, bytes(96)), r'colours in floats.*save it with 8 or 16 bits'),
    (b'\0\0\0\x18ftypheic' + bytes(40), r'a HEIC photo, which is not read: convert it to .jpg'),
    (b'\0\0\0\x20ftypisom' + bytes(40), r'a video, not an image: rename it to .mp4, or extract its frames'),
    (b'\0\0\0\x14ftypqt  ' + bytes(40), r'a video, not an image'),
    (b'\x1aE\xdf\xa3' + bytes(40), r'a video, not an image'),
])
def test_what_is_no_image_here_is_told_what_to_do(tmp_path, data, message):
    (tmp_path / 'a.jpg').write_bytes(data)
    for read in (read_image, image_size):
        with pytest.raises(UnreadableImageError, match=f'a.jpg: .*{message}') as refusal:
            read(tmp_path / 'a.jpg')
        assert 'copy it again' not in str(refusal.value)


def test_size_is_height_and_width(tmp_path):
    Image.new('RGB', (50, 30)).save(tmp_path / 'a.jpg')
    assert image_size(tmp_path / 'a.jpg') == (30, 50)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.new('RGB', (50, 30)).save(tmp_path / 'turned.jpg', exif=exif)
    Image.new('RGB', (50, 30)).save(tmp_path / 'turned.tif', exif=exif)
    for name in ('turned.jpg', 'turned.tif'):  # as Pillow and OpenCV show them
        assert image_size(tmp_path / name) == read_image(tmp_path / name).shape[:2] == (50, 30)


def test_a_size_is_that_of_the_first_whole_file(tmp_path):
    for folder, size in (('cut', (90, 80)), ('one', (5, 4)), ('two', (3, 2))):
        (tmp_path / folder).mkdir()
        Image.effect_noise(size, 90).save(tmp_path / folder / 'a.png')
    (tmp_path / 'cut' / 'a.png').write_bytes((tmp_path / 'cut' / 'a.png').read_bytes()[:60])
    folders = [tmp_path / name for name in ('none', 'cut', 'one', 'two')]
    assert find_size('a.png', folders) == (5, 4) and find_size('b.png', folders) is None
