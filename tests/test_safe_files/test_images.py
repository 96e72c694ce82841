import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from mmxas.safe_files.images import MAX_PIXELS, UnreadableImageError, decode_image, excess, read_image


def png(width, height):
    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    chunks = [(b'IHDR', size), (b'IDAT', zlib.compress(bytes(100))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data)) for name,
        data in chunks)


def test_a_header_of_ten_thousand_million_px_is_refused():
    assert len(png(100000, 100000)) < 1000
    with pytest.raises(UnreadableImageError, match='a.png: announces .* px'):
        decode_image(png(100000, 100000), 'a.png')
    side = int(MAX_PIXELS ** 0.5)
    assert excess(png(side, side)) is None
    assert 'expected at most' in excess(png(side + 1, side + 1))


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
    with pytest.raises(UnreadableImageError, match='pipe.png: not a file'):
        read_image(tmp_path / 'pipe.png')
