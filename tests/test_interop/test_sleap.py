import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmxas.interop import read_keypoints, write_keypoints
from mmxas.interop.sleap import read_sleap, write_sleap


@pytest.fixture(scope='module')
def sio():
    return pytest.importorskip('sleap_io', reason='an optional requirement of .slp files')


@pytest.fixture
def project(sio, tmp_path):
    """Writes a project with sleap-io: frames of (video, number, instances); each instance is one of two keypoints."""

    def write(frames):
        skeleton = sio.Skeleton(['nose', 'tail'], edges=[('nose', 'tail')])
        made = [sio.LabeledFrame(video, number, [build(skeleton) for build in builders])
                for video, number, builders in frames]
        sio.save_slp(sio.Labels(made, skeletons=[skeleton]), str(tmp_path / 'project.slp'))
        return tmp_path / 'project.slp'

    return write


def label(sio, value, **kwargs):
    return lambda skeleton: sio.Instance.from_numpy(np.full((2, 2), value), skeleton=skeleton, **kwargs)


def prediction(sio, value, **kwargs):
    return lambda skeleton: sio.PredictedInstance.from_numpy(
        np.full((2, 2), value), point_scores=np.array([0.5, 0.25]), score=0.4, skeleton=skeleton, **kwargs)


@pytest.mark.parametrize('scores', [False, True])
def test_a_round_trip_keeps_every_coordinate_and_name(sio, make_table, differences, tmp_path, scores):
    table = make_table(2, 1, scores, links=((0, 1), (1, 2)), individuals=('', 'one', 'two', ''),
                       images=('v/1.png', 'clip.mp4:7', 'clip.mp4:7', 'v/2.png'), sizes={'empty.png': None})
    write_keypoints(table, tmp_path / 'a.slp')
    assert differences(read_keypoints(tmp_path / 'a.slp'), table) == set()
    assert [path.name for path in tmp_path.iterdir()] == ['a.slp']


def test_what_a_round_trip_loses_is_what_the_docs_list(sio, make_table, differences, tmp_path):
    table = make_table(2, 1, scorers=('Anna',), boxes=np.array([[0, 0, 9, 9], [1, 1, 8, 8.0]]), extras=({'a': 1}, {}),
                       sizes={'video a/img 1.png': (640, 480)}, individuals=('x', 'y'), bodies={'x': ('nose',)})
    write_keypoints(table, tmp_path / 'a.slp')
    assert differences(read_keypoints(tmp_path / 'a.slp'), table) == {'scorers', 'boxes', 'extras', 'sizes', 'bodies'}


def test_sleap_io_reads_labels_predictions_and_videos(sio, make_table, tmp_path):
    table = make_table(2, 1, images=('v/1.png', 'clips/a.mp4:7', 'clips/b.mp4:7'), individuals=('', 'one', ''))
    table.scores[0] = np.nan
    write_keypoints(table, tmp_path / 'a.slp')
    labels = sio.load_slp(str(tmp_path / 'a.slp'), open_videos=False)
    assert [video.filename for video in labels.videos] == [['v/1.png'], 'clips/a.mp4', 'clips/b.mp4']
    (one,), (two,), (three,) = (frame.instances for frame in labels.labeled_frames)
    assert [frame.frame_idx for frame in labels.labeled_frames] == [0, 7, 7]
    assert type(one) is sio.Instance and type(two) is type(three) is sio.PredictedInstance
    assert two.track.name == 'one' and two.score == pytest.approx(np.nanmean(table.scores[1]))
    np.testing.assert_array_equal(two.numpy(), table.keypoints[1, 0])
    np.testing.assert_array_equal(two.points['score'], table.scores[1, 0])


@pytest.mark.parametrize('tracked', [False, True])
def test_a_corrected_prediction_counts_once(sio, project, tracked):
    skeleton, track = sio.Skeleton(['nose', 'tail']), sio.Track('mouse') if tracked else None
    predicted = prediction(sio, 1.0, track=track)(skeleton)
    correction = label(sio, 2.0, track=track, from_predicted=predicted)
    other = prediction(sio, 3.0, track=sio.Track('rat') if tracked else None)
    video = sio.Video('clip.mp4', open_backend=False)

    def same(skeleton):
        predicted.skeleton = skeleton
        return predicted

    table = read_sleap(project([(video, 4, [same, correction, other]), (video, 9, [prediction(sio, 5.0)])]))
    assert table.images == ('clip.mp4:4', 'clip.mp4:4', 'clip.mp4:9')
    assert table.keypoints[:, 0, 0, 0].tolist() == [2, 3, 5]
    assert np.isnan(table.scores[0]).all() and table.scores[1, 0].tolist() == [0.5, 0.25]


def test_frames_of_a_package_are_named_by_their_source_videos(sio, tmp_path):
    skeleton, frames = sio.Skeleton(['nose', 'tail']), []
    for number, name in enumerate(('one.avi', 'two.avi')):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*'MJPG'), 5, (40, 30))
        for value in range(0, 240, 40):
            writer.write(np.full((30, 40, 3), value, np.uint8))
        writer.release()
        instance = label(sio, float(number))(skeleton)
        frames.append(sio.LabeledFrame(sio.Video.from_filename(str(tmp_path / name)), 5, [instance]))
    sio.save_slp(sio.Labels(frames), str(tmp_path / 'a.pkg.slp'), embed=True, verbose=False)
    assert sio.load_slp(str(tmp_path / 'a.pkg.slp')).videos[0].filename == str(tmp_path / 'a.pkg.slp')  # embedded
    table = read_sleap(tmp_path / 'a.pkg.slp')
    assert table.images == (f'{tmp_path}/one.avi:5', f'{tmp_path}/two.avi:5')
    assert table.keypoints[:, 0, 0, 0].tolist() == [0, 1] and set(table.sizes.values()) == {(40, 30)}


def test_x_or_y_alone_and_no_poses_at_all(sio, make_table, differences, tmp_path):
    table = make_table(2, 1, False)
    table.keypoints[0, 0, 0, 1] = np.nan
    empty = replace(table, images=(), individuals=(), keypoints=table.keypoints[:0], extras=(), sizes={})
    for one in (table, empty):
        write_sleap(one, tmp_path / 'a.slp')
        assert differences(read_sleap(tmp_path / 'a.slp'), one) == set()


def test_what_a_project_cannot_hold(sio, make_table, tmp_path):
    with pytest.raises(ValueError, match='a.slp: cannot be written .*SLEAP holds one pose of x and y; .*--flat'):
        write_keypoints(make_table(), tmp_path / 'a.slp')
    assert list(tmp_path.iterdir()) == []


def test_bad_files(sio, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.slp'):
        read_sleap(tmp_path / 'gone.slp')
    (tmp_path / 'a.slp').write_text('no')
    with pytest.raises(ValueError, match='a.slp: not a SLEAP project'):
        read_sleap(tmp_path / 'a.slp')
    skeletons = [sio.Skeleton(names) for names in (['nose'], ['tail'])]
    sio.save_slp(sio.Labels([], skeletons=skeletons), str(tmp_path / 'b.slp'))
    with pytest.raises(ValueError, match='b.slp: one skeleton expected, 2 with different keypoints found'):
        read_sleap(tmp_path / 'b.slp')


def test_without_the_package_the_message_has_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    with pytest.raises(ImportError, match='a.slp: sleap-io needed .* pip install sleap-io'):
        read_sleap(tmp_path / 'a.slp')
