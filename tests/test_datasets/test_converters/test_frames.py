import pickle

import cv2
import numpy as np
import pytest

from mmxas.datasets.converters.frames import (
    UnreadableFileError,
    read_frames,
    read_together,
    replace_arrays,
    write_arrays,
    write_if_changed,
    write_image,
    write_pickle,
)

from .archives import cut_video, grey_frames, write_video


def test_every_nth_frame_in_order(tmp_path):
    write_video(tmp_path / 'v.avi', grey_frames(7))
    found = list(read_frames(tmp_path / 'v.avi', 3))
    assert [index for index, _ in found] == [0, 3, 6]
    assert [round(float(image.mean())) for _, image in found] == pytest.approx([20, 80, 140], abs=2)


def test_bad_videos_are_named(tmp_path):
    with pytest.raises(UnreadableFileError, match='absent.avi: no such video'):
        list(read_frames(tmp_path / 'absent.avi'))
    (tmp_path / 'broken.avi').write_bytes(b'RIFF' + bytes(100))
    with pytest.raises(UnreadableFileError, match='broken.avi: not a video that FFmpeg reads'):
        list(read_frames(tmp_path / 'broken.avi'))
    with pytest.raises(ValueError, match='step=0'):
        list(read_frames(tmp_path / 'broken.avi', 0))


def test_files_are_written_once(tmp_path):
    image = np.full((8, 8, 3), 200, np.uint8)
    write_image(tmp_path / 'a' / 'x.jpg', image)
    write_image(tmp_path / 'a' / 'x.jpg', image * 0)
    assert cv2.imread(str(tmp_path / 'a' / 'x.jpg')).mean() == pytest.approx(200, abs=1)
    assert write_if_changed(tmp_path / 'b', b'1') and not write_if_changed(tmp_path / 'b', b'1')
    assert write_if_changed(tmp_path / 'b', b'2') and (tmp_path / 'b').read_bytes() == b'2'


def test_arrays_and_pickles_have_equal_bytes(tmp_path):
    arrays = {'imgname': np.array(['a', 'bc']), 'S': np.eye(3)}
    assert write_arrays(tmp_path / 'x.npz', arrays) and not write_arrays(tmp_path / 'x.npz', arrays)
    assert np.load(tmp_path / 'x.npz')['imgname'].tolist() == ['a', 'bc']
    cameras = {('S1', '54138969'): {'f': np.ones((2, 1))}}
    assert write_pickle(tmp_path / 'c.pkl', cameras) and not write_pickle(tmp_path / 'c.pkl', cameras)
    assert pickle.loads((tmp_path / 'c.pkl').read_bytes()).keys() == cameras.keys()


def test_truncated_videos_are_named(tmp_path):
    cut_video(tmp_path / 'cut.avi', grey_frames(12))
    for step in (1, 5):
        with pytest.raises(UnreadableFileError, match=r'cut\.avi: truncated video, the file lacks 1518 of the bytes'):
            list(read_frames(tmp_path / 'cut.avi', step))
    assert next(read_frames(tmp_path / 'cut.avi'))[0] == 0  # who needs only the first frames gets them


def test_videos_of_one_camera_end_together(tmp_path):
    for name, num in (('a', 7), ('b', 7), ('short', 4)):
        write_video(tmp_path / f'{name}.avi', grey_frames(num))
    a, b, short = (tmp_path / f'{name}.avi' for name in ('a', 'b', 'short'))
    assert [[index for index, _ in frames] for frames in read_together([a, b], 3)] == [[0, 0], [3, 3], [6, 6]]
    for videos in ([a, short], [short, a]):
        with pytest.raises(UnreadableFileError, match=r'/short\.avi: ends before frame 4'):
            list(read_together(videos))


def test_annotations_with_other_frames_are_not_replaced(tmp_path):
    path, few, many = tmp_path / 'x.npz', {'imgname': np.array(['a'])}, {'imgname': np.array(['a', 'b'])}
    assert replace_arrays(path, few) and replace_arrays(path, many) and not replace_arrays(path, many)
    with pytest.raises(ValueError, match=r'x\.npz: not replaced, it has 1 frames that this run lacks, such as b'):
        replace_arrays(path, few)
    assert np.load(path)['imgname'].tolist() == ['a', 'b']
    path.write_bytes(path.read_bytes()[:50])
    assert replace_arrays(path, few)


def test_columns_of_finished_annotations_stay(tmp_path):
    path, plain = tmp_path / 'x.npz', {'imgname': np.array(['a'])}
    full = {**plain, 'hidden': np.array([3])}
    assert replace_arrays(path, plain) and replace_arrays(path, full)
    with pytest.raises(ValueError, match=r'x\.npz: not replaced, it has the columns hidden, which this run lacks'):
        replace_arrays(path, plain)
    assert np.load(path)['hidden'].tolist() == [3]
