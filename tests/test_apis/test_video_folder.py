import json

import pytest
from tiny_clips import film, tiny_inferencer, write_clip

from mmxas.apis.video_detection import VideoDetector
from mmxas.apis.video_folder import VideoFolder, run_settings
from mmxas.io.clips import open_clip


@pytest.fixture(scope='module')
def inferencer():
    return tiny_inferencer()


@pytest.fixture
def clip(tmp_path):
    return open_clip(write_clip(tmp_path / 'clip.mp4', film(40)))


def settings(inferencer, clip, key_every=8, all_views=False, boxes=None, camera=None):
    return run_settings(inferencer, clip, key_every, all_views, boxes, camera)


def write_frames(folder, inferencer, count, torn=b''):
    folder.begin(VideoDetector(inferencer, 8))
    with folder.appending() as append:
        for frame in range(count):
            append(dict(frame=frame, **(dict(key_boxes=[]) if frame % 8 == 0 else {})))
    with folder.lines.open('ab') as file:
        file.write(torn)


@pytest.mark.parametrize(('count', 'torn', 'start'), [
    (0, b'', 0), (15, b'', 0), (16, b'', 16), (31, b'{"frame": 31', 16), (32, b'{"fr', 32)])
def test_a_run_goes_on_at_the_last_block_that_is_whole(inferencer, clip, tmp_path, count, torn, start):
    write_frames(VideoFolder(tmp_path / 'out', clip, settings(inferencer, clip)), inferencer, count, torn)
    again = VideoFolder(tmp_path / 'out', clip, settings(inferencer, clip))
    assert again.begin(VideoDetector(inferencer, 8)) == start and not again.complete
    assert [json.loads(line)['frame'] for line in again.lines.read_text().splitlines()] == list(range(start))


def test_every_setting_that_changes_the_result_is_compared(inferencer, clip, tmp_path):
    first = settings(inferencer, clip)
    assert first == settings(inferencer, clip)
    changes = dict(key_every=dict(key_every=4), all_views=dict(all_views=True), boxes=dict(boxes={'clip.mp4:1': []}),
                   camera=dict(camera=dict(K=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], root_depth=3000.0)))
    for name, change in changes.items():
        assert [key for key, value in settings(inferencer, clip, **change).items() if value != first[key]] == [name]
    other = tiny_inferencer({'model.test_cfg.flip_test': False})
    assert settings(other, clip)['detector'] != first['detector']


def test_lines_that_are_no_frames_are_named(inferencer, clip, tmp_path):
    folder = VideoFolder(tmp_path / 'out', clip, settings(inferencer, clip))
    write_frames(folder, inferencer, 9, b'')
    folder.lines.write_text('nonsense\n' + folder.lines.read_text())
    with pytest.raises(ValueError, match='predictions.jsonl: line 1 is no key frame .*start over with --overwrite'):
        VideoFolder(tmp_path / 'out', clip, settings(inferencer, clip)).begin(VideoDetector(inferencer, 8))
    (tmp_path / 'out' / 'video.json').unlink()
    with pytest.raises(ValueError, match='has a predictions.jsonl without video.json'):
        VideoFolder(tmp_path / 'out', clip, settings(inferencer, clip))
