"""What ``mmxas infer`` wrote is read in order, frame by frame with the video's images, and what is broken is named."""
import json
import warnings

import cv2
import numpy as np
import pytest
from tiny_poses import picture_of, poses_of, tiny_image, tiny_record, write_clip, write_photos
from tiny_videos import SIZE, number_of, write_video

from mmxas.visualization import predictions_folder
from mmxas.visualization.page import MAX_BYTES, show_poses, write_page
from mmxas.visualization.predictions_folder import read_predictions_folder, write_folder_page

OF_CLIP = dict(zip(('width', 'height'), SIZE, strict=True))


def clip_record(**more):
    record = tiny_record(image_size=OF_CLIP)
    record['instances'][0].update(identity=4, **more)
    return record


def test_photos_are_read_in_the_order_of_numbers(tmp_path):
    cv2.imwrite(str(tmp_path / 'one.png'), tiny_image(50))
    folder = write_photos(tmp_path / 'out', a10=tiny_record(), a2=tiny_record(image=str(tmp_path / 'one.png')))
    frames = list(read_predictions_folder(folder))
    assert [(frame.name, frame.time) for frame in frames] == [('one.png', None), ('a10', None)]
    found = poses_of(write_folder_page(folder))['frames']
    assert picture_of(found[0]).mean() == pytest.approx(50, abs=1) and found[1]['image'] is None
    assert (folder / 'poses.html').is_file()
    assert [frame.name for frame in read_predictions_folder(folder / 'predictions', every=2)] == ['one.png']


def test_photos_of_one_run_alone(tmp_path):
    folder = write_photos(tmp_path / 'out', a=tiny_record(run='monday'), b=tiny_record(run='today'))
    assert [frame.name for frame in read_predictions_folder(folder, run='today')] == ['b']


def test_frames_of_a_video_have_its_images_times_bodies_and_path(tmp_path):
    clip = write_video(tmp_path / 'clip.mp4', 12)
    folder = write_clip(tmp_path / 'out', [clip_record(path=[0, 1, 1, 0])] * 12, clip)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        path = write_folder_page(folder, tmp_path / 'p.html')
    frames = poses_of(path)['frames']
    assert [number_of(picture_of(frame)) for frame in frames] == list(range(12))
    assert [frame['time'] for frame in frames] == [index / 25 for index in range(12)]
    assert frames[7]['name'] == 'frame 7' and '<h1>clip.mp4</h1>' in path.read_text()
    body, = frames[7]['instances']
    assert body['identity'] == 4 and body['path'] == [0, 1, 1, 0]
    some = poses_of(write_folder_page(folder / 'predictions.jsonl', tmp_path / 'p.html', every=5))['frames']
    assert [number_of(picture_of(frame)) for frame in some] == [0, 5, 10]


@pytest.mark.parametrize('source', ['', '*.png'])
def test_frames_of_a_folder_or_pattern_are_named_by_each_record(tmp_path, source):
    records = []
    for number in range(2):
        cv2.imwrite(str(tmp_path / f'{number}.png'), tiny_image(50 + 50 * number))
        records.append(tiny_record(image=f'{number}.png'))
    frames = poses_of(write_folder_page(write_clip(tmp_path / 'out', records, tmp_path / source)))['frames']
    assert [round(picture_of(frame).mean() / 10) for frame in frames] == [5, 10]


def test_a_long_video_has_fewer_frames_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions_folder, 'MAX_FRAMES', 5)
    folder = write_clip(tmp_path / 'out', [clip_record()] * 11)
    with pytest.warns(UserWarning) as found:
        path = write_folder_page(folder)
    assert str(found[0].message) == f'{folder}/predictions.jsonl: of 11 frames the page shows one in 3'
    assert [frame['name'] for frame in poses_of(path)['frames']] == ['frame 0', 'frame 3', 'frame 6', 'frame 9']


def test_six_seconds_of_video_fit_into_a_tenth_of_what_a_minute_may_have(tmp_path):
    """Frames of blurred noise, which no JPEG makes small, with a whole body."""
    names, rng = [f'joint_{index}' for index in range(18)], np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 360, 640, 3)).astype(np.uint8)
    for number, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f'{number}.png'), cv2.GaussianBlur(image, (0, 0), 3))
    records = []
    for index in range(180):
        poses = [dict(score=.1, counts=True, keypoints=rng.uniform(-1, 640, (18, 3)).tolist(), valid=[True] * 18,
                      keypoint_scores=rng.uniform(0, 1, 18).tolist()) for _ in range(3)]
        one = dict(bbox=[100.5, 100, 300, 300.25], crop=[75, 75, 325, 325], depth_unit='crop', hypotheses=poses,
                   identity=0, path=[0] * 18)
        records.append(dict(image=str(tmp_path / f'{index % 3}.png'), image_size=dict(width=640, height=360),
                            skeleton=dict(name='s', keypoints=names, links=[[0, 1]]), instances=[one]))
    shell = len(show_poses(tiny_record()).html)
    most = shell + (MAX_BYTES - shell) // 10
    path = write_folder_page(write_clip(tmp_path / 'out', records, tmp_path), max_bytes=most)
    frames = poses_of(path)['frames']
    assert len(frames) == 180 and 0.6 * most < path.stat().st_size <= most
    assert min(picture_of(frames[-1]).shape[:2]) >= 200


def test_a_clip_that_is_gone_is_named_once_and_the_poses_shown(tmp_path):
    folder = write_clip(tmp_path / 'out', [clip_record()] * 3, tmp_path / 'gone.mp4')
    with pytest.warns(UserWarning, match=r'^3 of 3 images left out, the page shows their poses alone: '
                                         r'\S+gone\.mp4: no such video$'):
        path = write_folder_page(folder)
    assert [frame['image'] for frame in poses_of(path)['frames']] == [None] * 3


def test_what_is_missing_or_ambiguous_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no predictions/\*\.json and no predictions\.jsonl there; give'):
        read_predictions_folder(tmp_path)
    (tmp_path / 'predictions').mkdir()
    with pytest.raises(FileNotFoundError, match='--out-dir'):
        write_folder_page(tmp_path)
    with pytest.raises(ValueError, match=r'predictions\.jsonl: empty; give'):
        write_folder_page(write_clip(tmp_path / 'begun', []))
    folder = write_clip(tmp_path / 'out', [clip_record()])
    write_photos(folder, a=tiny_record())
    with pytest.raises(ValueError, match=r'of photos and of a video; give one of \S+predictions and \S+tions\.jsonl'):
        write_folder_page(folder)
    (folder / 'video.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'video\.json'):
        write_folder_page(folder / 'predictions.jsonl')


@pytest.mark.parametrize('line, message', [
    ('{"frame": 1', r'line 2: not a pose record of mmxas infer \(JSONDecodeError'),
    ('', 'line 2: not a pose record'),
    ('[]', 'line 2: not a pose record'),
    (json.dumps(dict(tiny_record(), frame=1)), "line 2: not a pose record.*'time'"),
    (json.dumps(dict(frame=1, time=1, skeleton=tiny_record()['skeleton'])), "line 2: not a pose record.*'image_size'"),
    (json.dumps(dict(tiny_record(skeleton=dict(name='b', keypoints=['a'] * 4, links=[])), frame=1, time=1)),
     r'line 2: the skeleton b of 4 keypoints, tiny of 4 keypoints in \S+predictions\.jsonl, line 1'),
    (json.dumps(dict(tiny_record(), frame=1, time=0)), 'line 2: at 0.0 s, after a frame at 0.0 s'),
])
def test_a_broken_line_is_named_and_nothing_written(tmp_path, line, message):
    folder = write_clip(tmp_path / 'out', [tiny_record()] * 3)
    lines = (folder / 'predictions.jsonl').read_text().splitlines()
    (folder / 'predictions.jsonl').write_text('\n'.join([lines[0], line, lines[2], '']))
    with pytest.raises(ValueError, match=message) as error:
        write_folder_page(folder)
    assert '\n' not in str(error.value) and not (folder / 'poses.html').exists()


def test_a_broken_file_is_named(tmp_path):
    folder = write_photos(tmp_path / 'out', a=dict(skeleton={}, image_size={}))
    with pytest.raises(ValueError, match=r'a\.json: .*instances'):
        write_page(read_predictions_folder(folder), tmp_path / 'p.html')
    write_photos(tmp_path / 'other', a=dict(tiny_record(), instances=[{}]))
    with pytest.raises(ValueError, match=r'a\.json: not a pose record'):
        write_folder_page(tmp_path / 'other')
    (folder := write_clip(tmp_path / 'clip', [tiny_record()]) / 'video.json').write_text('{}')
    with pytest.raises(ValueError, match=r'video\.json: an object with source expected'):
        write_folder_page(folder.parent)
