"""The masks of Human3.6M's archive, in the forms that there are."""
import numpy as np
import pytest
from scipy.io import savemat

from mmxas.datasets.converters.h36m_masks import FOLDER, open_masks

from .archives import write_hdf5_masks, write_video

NAME = 'Directions 1.54138969'


def masks(count=3, shape=(64, 48)):
    return [np.random.default_rng(i).random(shape) < 0.3 for i in range(count)]


def place(root, suffix):
    path = root / FOLDER / f'{NAME}{suffix}'
    path.parent.mkdir(parents=True)
    return path


def test_matlabs_hdf5_files_hold_transposed_masks(tmp_path):
    write_hdf5_masks(place(tmp_path, '.mat'), [*masks(), None])
    with open_masks(tmp_path, NAME) as found:
        for index, mask in enumerate(masks()):
            np.testing.assert_array_equal(found.mask(index, (64, 48)), mask)
        for without in (3, 4):  # an empty cell, and beyond the end
            assert not found.mask(without, (64, 48)).any() and found.mask(without, (64, 48)).shape == (64, 48)
        with pytest.raises(ValueError, match='54138969.mat: frame 1: mask of 48 x 64 px, its image has 64 x 48'):
            found.mask(1, (48, 64))


def test_older_mat_files(tmp_path):
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = masks()
    savemat(place(tmp_path, '.mat'), dict(Masks=cells))
    with open_masks(tmp_path, NAME) as found:
        np.testing.assert_array_equal(found.mask(2, (64, 48)), masks()[2])
        assert not found.mask(3, (64, 48)).any()


def test_videos_of_masks(tmp_path):
    frames = [np.full((64, 64, 3), 255 * (i % 2), np.uint8) for i in range(5)]
    write_video(place(tmp_path, '.mp4'), frames, 'mp4v')
    with open_masks(tmp_path, NAME) as found:
        assert found.mask(1, (64, 64)).all() and not found.mask(2, (64, 64)).any() and found.mask(3, (64, 64)).all()
        assert not found.mask(9, (64, 64)).any()


def test_files_that_are_missing_or_broken_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='Directions 1.54138969.mat: no such file of masks'):
        open_masks(tmp_path, NAME).__enter__()
    path = place(tmp_path, '.mat')
    for content in (b'nothing', b'\x89HDF\r\n\x1a\n' + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(OSError, match='54138969.mat: .*copy or download it again'):
            open_masks(tmp_path, NAME).__enter__()
