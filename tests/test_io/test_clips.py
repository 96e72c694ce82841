import cv2
import numpy as np
import pytest
from tiny_videos import number_of, numbered, write_video

from mmxas.io.clips import number_frames, open_clip
from mmxas.io.images import UnreadableImageError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'frames').mkdir()
    for index in range(12):
        cv2.imwrite(str(tmp_path / 'frames' / f'f{index}.png'), numbered(index))
    return tmp_path / 'frames'


def test_a_video_has_its_own_times_and_names(tmp_path):
    times = [0, 40, 80, 200, 240, 1000]
    clip = open_clip(write_video(tmp_path / 'clip.mp4', 6, times=times), rate=99)
    assert len(clip) == 6 and clip.shape == (64, 96) and clip.rate < 99
    assert clip.names[4] == 'clip.mp4:4' and clip.names[1:3] == ('clip.mp4:1', 'clip.mp4:2')
    for start in (0, 3):
        frames = list(clip.frames(start))
        assert [frame.index for frame in frames] == [number_of(frame.image) for frame in frames] == [*range(start, 6)]
        np.testing.assert_allclose([frame.time for frame in frames], np.array(times[start:]) / 1000, atol=1e-3)
        assert frames[0].name == f'clip.mp4:{start}'


@pytest.mark.parametrize('pattern', ['', '*.png'])
def test_images_are_frames_in_natural_order(folder, pattern):
    clip = open_clip(folder / pattern, rate=4)
    assert len(clip) == 12 and clip.shape == (64, 96) and clip.names[10] == 'f10.png'
    frames = list(clip.frames(9))
    assert [(frame.index, frame.time, number_of(frame.image)) for frame in frames] == \
        [(9, 2.25, 9), (10, 2.5, 10), (11, 2.75, 11)]


def test_images_of_another_size_are_named(folder):
    cv2.imwrite(str(folder / 'f7.png'), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(ValueError, match=r'f7.png: frame 7 is 30 x 20 px, but those before are 96 x 64 px'):
        open_clip(folder)


@pytest.mark.parametrize(('name', 'content', 'message'), [
    ('none/*.png', None, 'no image matches; expected a video, a folder of frames, or a pattern'),
    ('text.mp4', b'no video at all', 'not a video that FFmpeg reads'),
    ('empty.mp4', b'', 'not a video that FFmpeg reads'),
])
def test_what_is_no_clip_is_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((FileNotFoundError, UnreadableImageError), match=message):
        open_clip(tmp_path / name)


def test_a_truncated_video_and_one_of_sound_only_are_refused(tmp_path):
    whole = write_video(tmp_path / 'a.mp4').read_bytes()
    (tmp_path / 'a.mp4').write_bytes(whole[:len(whole) // 2])
    with pytest.raises(UnreadableImageError, match='a.mp4: truncated video'):
        open_clip(tmp_path / 'a.mp4')
    import av
    with av.open(str(tmp_path / 'b.mp4'), 'w') as container:
        stream = container.add_stream('aac', rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UnreadableImageError, match='b.mp4: no video in this file'):
        open_clip(tmp_path / 'b.mp4')


def test_images_of_a_camera_are_numbered():
    images = [numbered(index) for index in range(3)]
    frames = list(number_frames(iter(images), 10))
    assert [(frame.index, frame.time, frame.name) for frame in frames] == \
        [(0, 0, '000000'), (1, 0.1, '000001'), (2, 0.2, '000002')]
    with pytest.raises(ValueError, match='frame 1: an image'):
        list(number_frames([images[0], images[1][:10]], 10))
