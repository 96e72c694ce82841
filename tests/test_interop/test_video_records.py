import json

import numpy as np
import pytest

from mmxas.interop.prediction_records import read_predictions
from mmxas.interop.video_records import read_lines, read_video_poses


def instance(identity, x, camera=False, path=None):
    """Two hypotheses of two keypoints, in a crop of 50 px."""
    poses = [[[x, 1.0, z], [x + 1, 2.0, 2 * z]] for z in (0.1, -0.1)]
    hypotheses = [dict(keypoints=pose, keypoint_scores=[0.5, 0.25], valid=[True, index == 0])
                  for index, pose in enumerate(poses)]
    if camera:
        for one in hypotheses:
            one['keypoints_camera_mm'] = [[100.0, 200, 3000], [101, 201, 3001]]
    return dict(identity=identity, bbox=[0, 0, 10, 20], crop=[0, 0, 50, 50], hypotheses=hypotheses,
                **({} if path is None else dict(path=path)))


def write(path, frames):
    skeleton = dict(name='two', keypoints=['a', 'b'], links=[[0, 1]])
    lines = [json.dumps(dict(image=f'clip.mp4:{index}', image_size=dict(width=96, height=64), frame=index,
                             time=index / 10, skeleton=skeleton, instances=instances))
             for index, instances in enumerate(frames)]
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_poses_are_in_one_unit_and_taken_along_their_path(tmp_path):
    poses = read_video_poses(write(tmp_path / 'a.jsonl', [
        [], [instance(0, 5.0, path=[0, 1])], [instance(0, 6.0, path=[1, 0]), instance(1, 30.0)]]))
    assert poses.frames.tolist() == [1, 2, 2] and poses.identities.tolist() == [0, 0, 1]
    assert poses.units == ('px', 'px', 'px') and poses.size == (96, 64) and poses.frame_times.tolist() == [0, 0.1, 0.2]
    np.testing.assert_allclose(poses.take(poses.hypotheses), [
        [[5, 1, 5], [6, 2, -10]], [[6, 1, -5], [7, 2, 10]], [[30, 1, 5], [31, 2, 10]]], atol=1e-5)
    np.testing.assert_allclose(poses.pixels[2], [[30, 1], [31, 2]])
    assert poses.of(0).tolist() == [0, 1] and poses.take(poses.scores).tolist()[0] == [0.5, 0.25]


def test_with_a_camera_they_are_in_mm(tmp_path):
    poses = read_video_poses(write(tmp_path / 'a.jsonl', [[], [instance(0, 5.0, camera=True)]]))
    assert poses.units == ('mm', 'mm', 'mm') and poses.hypotheses[0, 1, 0].tolist() == [100, 200, 3000]


def test_the_table_has_all_frames_and_an_individual_per_identity(tmp_path):
    path = write(tmp_path / 'a.jsonl', [[], [instance(3, 5.0)], []])
    table = read_predictions(path)
    assert list(table.sizes) == ['clip.mp4:0', 'clip.mp4:1', 'clip.mp4:2'] and table.images == ('clip.mp4:1', )
    assert table.individuals == ('identity3', ) and table.scorers == ('mmxas_1', 'mmxas_2')
    assert table.keypoints.shape == (1, 2, 2, 3)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda text: text.replace('"frame": 1', '"frame": 7'), 'a.jsonl, line 2: frame 1 expected, found 7'),
    (lambda text: text[:-30], 'a.jsonl, line 3: not a frame that mmxas infer wrote'),
    (lambda text: text.replace('"crop"', '"crap"'), "a.jsonl: no video that mmxas infer wrote (KeyError: 'crop')"),
    (lambda text: '', 'a.jsonl: no pose in its 0 frames'),
])
def test_a_broken_file_is_named(tmp_path, change, message):
    path = write(tmp_path / 'a.jsonl', [[], [instance(0, 5.0)], [instance(0, 5.0)]])
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError) as raised:
        read_video_poses(path)
    assert message in str(raised.value)


def test_frames_without_anybody_are_named_and_still_read(tmp_path):
    path = write(tmp_path / 'a.jsonl', [[], []])
    assert [record['frame'] for record in read_lines(path)] == [0, 1]
    with pytest.raises(ValueError, match='no pose in its 2 frames'):
        read_video_poses(path)
