"""Frames by number: the same in any order, in any process, and a truncated file is seen at once."""
import pickle

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets.video_frames import VideoFrames
from mmxas.datasets.transforms.loading import UnreadableImageError

LEVELS = [10 + 12 * i for i in range(20)]


def write_video(path, code='mp4v', noise=0):
    """Twenty frames, each about one grey level."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), 25, (64, 48))
    assert writer.isOpened()
    for level in LEVELS:
        grain = np.random.default_rng(level).integers(0, noise + 1, (48, 64, 3))
        writer.write(np.clip(level + grain, 0, 255).astype(np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(('name', 'code'), [('clip.mp4', 'mp4v'), ('clip.avi', 'MJPG')])
def test_frames_in_any_order(tmp_path, name, code):
    frames = VideoFrames(write_video(tmp_path / name, code))
    assert len(frames) == 20 and frames.shape == (48, 64)
    for index in [*range(20), 7, 19, 0, 8, 9, 3, 3]:
        assert frames[index].shape == (48, 64, 3)
        assert abs(frames[index].mean() - LEVELS[index]) < 4, index
    with pytest.raises(IndexError, match='frame 20 of 20'):
        frames[20]


def test_another_process_opens_the_file_anew(tmp_path):
    frames = VideoFrames(write_video(tmp_path / 'clip.mp4'))
    copy = pickle.loads(pickle.dumps(frames))
    assert copy._capture is None and abs(copy[11].mean() - LEVELS[11]) < 4
    frames._owner = -1  # as after a fork
    before = frames._capture
    assert abs(frames[0].mean() - LEVELS[0]) < 4 and frames._capture is not before


def test_a_file_that_cannot_jump_is_read_from_its_start(tmp_path, monkeypatch):
    frames = VideoFrames(write_video(tmp_path / 'clip.mp4'))

    class NoJump:
        def __init__(self, path):
            self.capture = original(path)

        def set(self, *_):
            return False

        def __getattr__(self, name):
            return getattr(self.capture, name)

    original = cv2.VideoCapture
    monkeypatch.setattr(cv2, 'VideoCapture', NoJump)
    frames._owner = -1
    assert abs(frames[13].mean() - LEVELS[13]) < 4


def test_bad_files_are_named(tmp_path):
    with pytest.raises(UnreadableImageError, match=r'none\.mp4: no such video'):
        VideoFrames(tmp_path / 'none.mp4')
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(UnreadableImageError, match=r'text\.mp4: not a video'):
        VideoFrames(tmp_path / 'text.mp4')
    whole = write_video(tmp_path / 'clip.avi', 'XVID', noise=200).read_bytes()
    (tmp_path / 'cut.avi').write_bytes(whole[:len(whole) // 2])
    with pytest.raises(UnreadableImageError, match=r'cut\.avi: truncated video, \d+ of 20 frames'):
        VideoFrames(tmp_path / 'cut.avi')
    assert 1 < len(VideoFrames(tmp_path / 'cut.avi', complete=False)) < 20
    headless = write_video(tmp_path / 'clip.mp4').read_bytes()  # mp4v's index stands at the end
    (tmp_path / 'cut.mp4').write_bytes(headless[:len(headless) // 2])
    with pytest.raises(UnreadableImageError, match=r'cut\.mp4: not a video that OpenCV can read, or a truncated one'):
        VideoFrames(tmp_path / 'cut.mp4')
