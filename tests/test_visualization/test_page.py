"""The page is whole, small enough and safe, or not written; a browser opens it in tests/browser."""
import re

import cv2
import numpy as np
import pytest
from tiny_poses import HEIGHT, POINTS, WIDTH, picture_of, poses_of, tiny_image, tiny_record

from mmxas.apis.pose_record import pose_record
from mmxas.visualization.page import STEPS, PageFrame, show_poses, write_page

NOISE = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def test_the_page_holds_the_image_the_hypotheses_and_the_sides(tmp_path):
    path = write_page([PageFrame(tiny_record(), tiny_image(77), 'a.jpg')], tmp_path / 'new' / 'page.html', 'A & B')
    text = path.read_text(encoding='utf-8')
    assert '<h1>A &amp; B</h1>' in text and '{{' not in re.sub(r'(?s)<script>.*?</script>', '', text)
    assert 'The MIT License' in text and 'three.js authors' in text
    poses = poses_of(path)
    assert poses['skeleton']['sides'] == ['middle', 'left', 'right', 'middle']
    frame, = poses['frames']
    assert (frame['name'], frame['time'], frame['size']) == ('a.jpg', None, [WIDTH, HEIGHT])
    body, = frame['instances']
    assert body['xy'] == POINTS.tolist() and body['side'] == 80 and body['number'] == 0 and 'camera' not in body
    assert [pose['depth'][1] for pose in body['hypotheses']] == [0, 0.25, 0.5]
    assert [pose['score'] for pose in body['hypotheses']] == [0.8, 0.6, 0.4]
    assert [pose['counts'] for pose in body['hypotheses']] == [True, True, False]
    assert np.abs(picture_of(frame).astype(int) - 77).max() <= 2


def test_poses_in_mm_stand_in_the_camera_frame(tmp_path):
    body, = poses_of(write_page([PageFrame(tiny_record(in_mm=True))], tmp_path / 'p.html'))['frames'][0]['instances']
    assert body['unit'] == 'mm' and 'side' not in body
    assert body['camera'][2][1] == [800, 500, 3500] and body['hypotheses'][2]['depth'] == [0, 500, -125, 0]


@pytest.mark.parametrize('unit', ['crop', 'mm'])
def test_it_takes_the_records_of_the_inferencer(make_sample, dataset_meta, unit):
    camera_poses = None if unit == 'crop' else np.full((1, 3, 18, 3), 5.0)
    page = show_poses(dict(pose_record(make_sample(depth_unit=unit), dataset_meta, None, camera_poses), image=None))
    poses = poses_of(page.html)
    assert poses['skeleton']['sides'].count('left') == poses['skeleton']['sides'].count('right') == 6
    assert len(poses['frames'][0]['instances'][0]['hypotheses']) == 3


def test_time_and_identity_are_those_of_the_frames(tmp_path):
    records = [tiny_record(), tiny_record()]
    for record in records:
        record['instances'][0]['identity'] = 7
    frames = [PageFrame(record, time=time) for record, time in zip(records, [0.5, 0.54], strict=True)]
    found = poses_of(write_page(iter(frames), tmp_path / 'p.html'))['frames']
    assert [frame['time'] for frame in found] == [0.5, 0.54]
    assert [frame['instances'][0]['number'] for frame in found] == [7, 7]


def test_images_become_as_coarse_as_the_size_asks_and_no_coarser(tmp_path):
    frames = [PageFrame(tiny_record(image_size=dict(width=640, height=480)), NOISE) for _ in range(4)]
    path = write_page(frames, tmp_path / 'all.html')
    assert [picture_of(frame).shape for frame in poses_of(path)['frames']] == [(480, 640, 3)] * 4
    shell = write_page([PageFrame(tiny_record())], tmp_path / 'shell.html').stat().st_size
    path = write_page(frames, tmp_path / 'small.html', max_bytes=shell + 200_000)
    assert shell + 80_000 < path.stat().st_size <= shell + 200_000
    shapes = {picture_of(frame).shape[0] for frame in poses_of(path)['frames']}
    assert len(shapes) == 1 and shapes < {side for side, _, _ in STEPS}
    with pytest.raises(ValueError, match='the first [234] frames alone fill a page.*fewer frames'):
        write_page(frames, tmp_path / 'no.html', max_bytes=shell + 15_000)
    assert not (tmp_path / 'no.html').exists()


def test_the_path_over_time_is_there_where_the_record_has_one(tmp_path):
    record = tiny_record(bodies=2)
    record['instances'][0]['path'] = [0, 2, -1, 1]
    bodies = poses_of(write_page([PageFrame(record)], tmp_path / 'p.html'))['frames'][0]['instances']
    assert bodies[0]['path'] == [0, 2, -1, 1] and 'path' not in bodies[1]


def test_a_notice_stands_at_the_foot_as_text(tmp_path):
    path = write_page([PageFrame(tiny_record())], tmp_path / 'p.html', notice='(c) <someone>')
    assert '<footer>(c) &lt;someone&gt;</footer>' in path.read_text(encoding='utf-8')


def test_what_a_file_is_called_is_text_and_no_code(tmp_path):
    name = '</script><script>alert(1)</script>.jpg'
    path = write_page([PageFrame(tiny_record(), name=name)], tmp_path / 'p.html', title=name)
    assert 'alert(1)</script>' not in path.read_text(encoding='utf-8')
    assert poses_of(path)['frames'][0]['name'] == name


def test_bytes_of_an_image_are_taken(tmp_path):
    data = cv2.imencode('.png', tiny_image(90))[1].tobytes()
    assert picture_of(poses_of(show_poses(tiny_record(), data).html)['frames'][0]).mean() == pytest.approx(90, abs=1)


def test_images_that_are_not_there_are_named_and_their_poses_shown(tmp_path):
    frames = [PageFrame(tiny_record(), tmp_path / 'gone.jpg', 'gone.jpg'), PageFrame(tiny_record(), NOISE, 'other.jpg'),
              PageFrame(tiny_record(), tiny_image(), 'here.jpg')]
    with pytest.warns(UserWarning, match=r'2 of 3 images left out.*gone\.jpg: no such file; '
                                         r'other\.jpg: 640 x 480 px, 120 x 90 where'):
        path = write_page(frames, tmp_path / 'p.html')
    assert [frame['image'] is None for frame in poses_of(path)['frames']] == [True, True, False]


def other_skeleton():
    return tiny_record(skeleton=dict(name='other', keypoints=['a', 'b', 'c', 'd'], links=[]))


def changed(key, value, of_hypothesis=False):
    record = tiny_record()
    one = record['instances'][0]
    (one['hypotheses'][1] if of_hypothesis else one)[key] = value
    return record


@pytest.mark.parametrize('frames, message', [
    ([], 'no frames'),
    ([tiny_record(), other_skeleton()], 'f1: the skeleton other of 4 keypoints, tiny of 4 keypoints in f0'),
    ([tiny_record(), dict(skeleton=tiny_record()['skeleton'])], "f1: not a pose record.*'image_size'"),
    ([changed('keypoints', [[1, 2, 3]], True)], 'f0: not a pose record.*shape'),
    ([changed('keypoint_scores', [float('nan')] * 4, True)], 'f0: not a pose record.*finite'),
    ([changed('hypotheses', [])], 'f0: not a pose record'),
    ([changed('path', [0, 1, 2, 3])], 'f0: not a pose record.*path: 4 numbers from -1 to 2 expected'),
    ([changed('path', [0, 1])], 'f0: not a pose record.*path: 4 numbers'),
    ([tiny_record(skeleton=dict(keypoints=['a', 'b', 'c', 'd'], links=[[0, 9]]))], r'f0: .*links between 4 keypoints'),
])
def test_what_is_no_record_is_refused_in_one_line_and_nothing_written(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message) as error:
        write_page([PageFrame(record, name=f'f{n}') for n, record in enumerate(frames)], tmp_path / 'p.html')
    assert '\n' not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_times_that_do_not_increase_are_refused(tmp_path):
    with pytest.raises(ValueError, match='b: at 1.0 s, after a frame at 1.0 s'):
        write_page([PageFrame(tiny_record(), time=1.0, name=name) for name in 'ab'], tmp_path / 'p.html')


def test_a_notebook_gets_the_page_in_a_frame_of_its_own():
    shown = show_poses(tiny_record(), tiny_image())._repr_html_()
    assert shown.startswith('<iframe srcdoc="') and shown.endswith('></iframe>') and shown.count('<') == 2
