import numpy as np
import pytest

from mmxas.datasets.datasets.recorded_frames import EveryNth, append_thorax, intrinsics, read_cameras


def test_thorax_is_appended():
    points = np.arange(17 * 2, dtype=float).reshape(17, 2)
    assert append_thorax(points)[17].tolist() == [25, 26]


def test_every_nth_frame_counts_each_video_by_itself():
    """The cameras of a recording keep the same frames, whatever the order of the file."""
    is_taken = EveryNth(3)
    videos = ['a', 'a', 'b', 'a', 'b', 'a', 'b', 'b']
    taken = [(video, i) for i, video in enumerate(videos) if is_taken(video)]
    assert taken == [('a', 0), ('b', 2), ('a', 5), ('b', 7)]


def test_cameras(tmp_path):
    K = intrinsics({'f': np.array([[10], [20]]), 'c': [1, 2]})
    assert K.tolist() == [[10, 0, 1], [0, 20, 2], [0, 0, 1]]
    with pytest.raises(FileNotFoundError, match='cameras.pkl: no such file; expected the cameras'):
        read_cameras(tmp_path / 'cameras.pkl')
