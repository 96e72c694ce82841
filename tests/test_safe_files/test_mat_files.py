import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from mmxas.safe_files import UnsafeFileError, check_mat
from mmxas.safe_files.archives import FLOOR


def header():
    return b'MATLAB 5.0 MAT-file'.ljust(124) + struct.pack('<H', 0x0100) + b'IM'


@pytest.mark.parametrize('compressed', [True, False])
def test_files_of_scipy_pass(tmp_path, compressed):
    savemat(tmp_path / 'a.mat', {'a': np.zeros((100, 100)), 'b': {'c': 1}}, do_compression=compressed)
    check_mat(tmp_path / 'a.mat')


def test_a_bomb_is_refused(tmp_path):
    deflater = zlib.compressobj(9)
    packed = b''.join(deflater.compress(bytes(1 << 24)) for _ in range(FLOOR // (1 << 24) + 1)) + deflater.flush()
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 15, len(packed)) + packed)
    with pytest.raises(UnsafeFileError, match=f'a.mat: unfolds to more than {FLOOR} bytes'):
        check_mat(tmp_path / 'a.mat')


def test_a_lie_about_the_length_and_a_broken_stream_are_refused(tmp_path):
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 14, 1 << 31))
    with pytest.raises(UnsafeFileError, match='an element announces 2147483648 bytes, 0 follow'):
        check_mat(tmp_path / 'a.mat')
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 15, 4) + b'none')
    with pytest.raises(UnsafeFileError, match='a compressed element is broken'):
        check_mat(tmp_path / 'a.mat')


def test_other_formats_are_left_to_their_readers(tmp_path):
    (tmp_path / 'a.mat').write_bytes(b'\x89HDF')
    check_mat(tmp_path / 'a.mat')
