import json
import shutil
import subprocess

import numpy as np
import pytest
from tiny_clips import BrightSegmenter, film, tiny_inferencer, write_clip
from tiny_videos import decoded

from mmxas.apis import video as video_module
from mmxas.apis.video import infer_video
from mmxas.interop import read_keypoints
from mmxas.interop.video_records import read_video_poses
from mmxas.io import VideoReader, timed_frames

TABLES = ['poses_2d.csv', 'poses_2d.h5', 'poses_3d.csv', 'poses_3d.h5']
FILES = sorted(['overlay.mp4', 'poses.npz', 'predictions.jsonl', 'video.json', *TABLES])
BODIES = [dict(there=[*range(22), *range(40, 56)], speed=1), dict(top=40, start=60, speed=0.3, there=range(4, 56))]


@pytest.fixture(scope='module')
def inferencer():
    return tiny_inferencer()


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp('clip') / 'clip.mp4', film(56, BODIES))


@pytest.fixture(scope='module')
def done(inferencer, clip, tmp_path_factory):
    """The folder of a run that was not disturbed."""
    out = tmp_path_factory.mktemp('done') / 'out'
    return infer_video(inferencer, clip, out, key_every=4), out


def lines(folder):
    return [json.loads(line) for line in (folder / 'predictions.jsonl').read_text().splitlines()]


def test_it_writes_frames_tables_and_an_overlay(done, clip):
    result, out = done
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert (result.frames, result.identities, result.resumed, result.unread) == (56, 2, 0, 0)
    records = lines(out)
    assert [record['frame'] for record in records] == list(range(56))
    np.testing.assert_allclose([record['time'] for record in records], np.arange(56) / 25, atol=1e-6)
    assert sum(len(record['instances']) for record in records) == result.poses
    assert [instance['identity'] for instance in records[30]['instances']] == [1]
    assert [instance['identity'] for instance in records[45]['instances']] == [0, 1]
    assert all(len(instance['path']) == 18 for record in records for instance in record['instances'])
    facts = json.loads((out / 'video.json').read_text())
    assert facts['source'] == str(clip) and facts['fps'] == 25 and facts['frames'] == 56 and facts['complete'] is True


def test_the_overlay_has_the_frames_and_times_of_the_video_and_plays_in_a_browser(done, clip):
    _, out = done
    reader = VideoReader(out / 'overlay.mp4')
    assert len(reader) == 56 and reader.shape == (64, 96)
    times = [[time for _, time, _ in timed_frames(path)] for path in (clip, out / 'overlay.mp4')]
    np.testing.assert_allclose(*times, atol=1e-4)
    differences = [np.abs(a.astype(int) - b).max() for a, b in zip(decoded(clip), decoded(out / 'overlay.mp4'))]
    assert min(differences) > 60  # something is drawn in each frame
    content = (out / 'overlay.mp4').read_bytes()
    assert content.index(b'moov') < content.index(b'mdat')
    if shutil.which('ffprobe') is None:
        pytest.skip('no ffprobe (Debian: apt install ffmpeg)')
    probed = json.loads(subprocess.run(
        ['ffprobe', '-v', 'error', '-count_frames', '-select_streams', 'v', '-show_streams', '-of', 'json',
         str(out / 'overlay.mp4')], capture_output=True, check=True).stdout)['streams']
    (stream, ) = probed
    assert (stream['codec_name'], stream['pix_fmt'], stream['nb_read_frames']) == ('h264', 'yuv420p', '56')


@pytest.mark.parametrize(('name', 'coordinates'), [('poses_2d', ['x', 'y', 'likelihood']), ('poses_3d', list('xyz'))])
def test_pandas_reads_the_tables_as_deeplabcut_does(done, name, coordinates):
    pandas = pytest.importorskip('pandas', reason='pandas is not installed (requirements/exchange.txt)')
    _, out = done
    table = pandas.read_hdf(out / f'{name}.h5')
    text = pandas.read_csv(out / f'{name}.csv', header=[0, 1, 2, 3], index_col=0)
    assert table.columns.names == ['scorer', 'individuals', 'bodyparts', 'coords']
    assert table.index.tolist() == text.index.tolist() == list(range(56))
    np.testing.assert_allclose(table.to_numpy(), text.to_numpy(), atol=1e-9)
    body = table['mmxas']['identity0']
    assert body['root'].columns.tolist() == coordinates
    assert body.loc[30].isna().all() and body.loc[[0, 45]].notna().all(axis=None)
    instance = lines(out)[45]['instances'][0]
    taken = [instance['hypotheses'][one]['keypoints'][k] for k, one in enumerate(instance['path'])]
    x, y, z = np.array(taken).T
    np.testing.assert_allclose(body.loc[45].xs('x', level='coords'), x, atol=1e-3)
    if name == 'poses_3d':
        side = instance['crop'][2] - instance['crop'][0]
        np.testing.assert_allclose(body.loc[45].xs('z', level='coords'), z * side, atol=1e-2)


def test_arrays_have_one_row_for_each_frame_and_identity(done):
    result, out = done
    with np.load(out / 'poses.npz', allow_pickle=False) as arrays:
        shapes = dict(frame=(), identity=(), keypoints_2d=(18, 2), keypoints_3d=(18, 3), path=(18, ))
        for key, shape in shapes.items():
            assert arrays[key].shape == (result.poses, *shape), key
        rows = list(zip(arrays['frame'].tolist(), arrays['identity'].tolist(), strict=True))
        assert rows == sorted(set(rows)) and arrays['units'].tolist() == ['px', 'px', 'px']
        np.testing.assert_allclose(arrays['time'], arrays['frame'] / 25, atol=1e-6)


def test_the_frames_become_a_sleap_project(done, tmp_path):
    sleap = pytest.importorskip('sleap_io', reason='sleap-io is not installed (requirements/exchange.txt)')
    from mmxas.interop import write_keypoints
    from mmxas.interop.prediction_records import read_predictions
    result, out = done
    write_keypoints(read_predictions(out / 'predictions.jsonl').flat(), tmp_path / 'a.slp')
    labels = sleap.load_slp(str(tmp_path / 'a.slp'), open_videos=False)
    assert sorted(track.name for track in labels.tracks) == ['identity0', 'identity1']
    assert sum(len(frame.instances) for frame in labels.labeled_frames) == result.poses
    assert labels.videos[0].filename == 'clip.mp4'


def kill_at(monkeypatch, count, error=KeyboardInterrupt):
    """Stop where the ``count``-th block is predicted."""
    left, predict = [count], video_module.VideoDetector._predict

    def dying(self, *block):
        left[0] -= 1
        if left[0] == 0:
            raise error
        return predict(self, *block)
    monkeypatch.setattr(video_module.VideoDetector, '_predict', dying)


@pytest.mark.parametrize(('blocks', 'kept', 'torn'), [(1, 0, 0), (2, 16, 0), (3, 16, 7), (4, 32, 900)])
def test_a_run_that_was_killed_goes_on_to_the_same_files(done, inferencer, clip, tmp_path, monkeypatch, blocks, kept,
                                                         torn):
    whole, reference = done
    out = tmp_path / 'out'
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        kill_at(context, blocks)
        infer_video(inferencer, clip, out, key_every=4)
    if torn:
        with (out / 'predictions.jsonl').open('rb+') as file:
            file.truncate((out / 'predictions.jsonl').stat().st_size - torn)
    assert sorted(path.name for path in out.iterdir()) == ['predictions.jsonl', 'video.json']
    result = infer_video(inferencer, clip, out, key_every=4)
    assert result.resumed == kept
    assert (result.frames, result.poses, result.nobody) == (whole.frames, whole.poses, whole.nobody)
    for name in ('predictions.jsonl', 'poses_2d.csv', 'poses_3d.csv'):
        assert (out / name).read_bytes() == (reference / name).read_bytes(), name
    frames, wanted = (np.stack(list(decoded(folder / 'overlay.mp4'))) for folder in (out, reference))
    # With AVX-512, x264's bytes differ between runs, as if they depended on uninitialised memory.
    assert frames.shape == wanted.shape and np.abs(frames.astype(int) - wanted).mean() < 1


def test_a_finished_run_is_not_made_again(done, inferencer, clip, monkeypatch):
    _, out = done
    before = (out / 'predictions.jsonl').read_bytes()
    kill_at(monkeypatch, 1)
    result = infer_video(inferencer, clip, out, key_every=4, overlay=False)
    assert result.resumed == 56 and (out / 'predictions.jsonl').read_bytes() == before


def test_results_of_other_settings_or_of_another_video_are_kept_unless_overwritten(done, inferencer, clip, tmp_path):
    _, out = done
    own = shutil.copytree(out, tmp_path / 'out')
    with pytest.raises(ValueError, match=r'out: has results of .*clip.mp4 with different key_every \(4 there, 8 now\); '
                                         r'choose another folder \(--out-dir\), or --overwrite'):
        infer_video(inferencer, clip, own, key_every=8)
    other = write_clip(tmp_path / 'other.mp4', film(10))
    with pytest.raises(ValueError, match='out: has results of another video, .*clip.mp4'):
        infer_video(inferencer, other, own, key_every=4)
    assert (own / 'predictions.jsonl').read_bytes() == (out / 'predictions.jsonl').read_bytes()
    result = infer_video(inferencer, other, own, key_every=4, overlay=False, overwrite=True)
    assert result.resumed == 0 and len(lines(own)) == 10 and not (own / 'overlay.mp4').exists()


def test_nobody_anywhere_leaves_lines_but_no_tables(inferencer, tmp_path):
    clip = write_clip(tmp_path / 'empty.mp4', film(20, []))
    result = infer_video(inferencer, clip, tmp_path / 'out')
    assert (result.poses, result.nobody, result.frames) == (0, 20, 20)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['predictions.jsonl', 'video.json']


def test_a_full_disk_is_named_cut_off_and_gone_on_from(done, inferencer, clip, tmp_path, monkeypatch):
    _, reference = done
    out, left = tmp_path / 'out', [60_000]

    class Full:
        """A file on a disk that has room for a few lines."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            """As much as there is room for."""
            taken = min(left[0], len(data))
            if not taken:
                raise OSError(28, 'No space left on device')
            left[0] -= taken
            return self.file.write(data[:taken])

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

    opened = type(out).open
    with monkeypatch.context() as context:
        context.setattr(type(out), 'open', lambda self, mode='r', *args, **kwargs:
                        Full(opened(self, mode, *args, **kwargs)) if mode == 'ab' else opened(self, mode, *args,
                                                                                            **kwargs))
        with pytest.raises(OSError, match=r'No space left on device, at frame \d+; make room.*predictions.jsonl'):
            infer_video(inferencer, clip, out, key_every=4)
    assert left == [0]
    assert (out / 'predictions.jsonl').read_bytes().endswith(b'}\n')
    infer_video(inferencer, clip, out, key_every=4)
    assert (out / 'predictions.jsonl').read_bytes() == (reference / 'predictions.jsonl').read_bytes()


def test_smoothing_is_an_option_of_the_tables(done, inferencer, clip, tmp_path):
    _, out = done
    own = shutil.copytree(out, tmp_path / 'out')
    infer_video(inferencer, clip, own, key_every=4, smooth=True, overlay=False)
    plain, smooth = (read_keypoints(folder / 'poses_3d.h5').keypoints[:, 0] for folder in (out, own))
    assert plain.shape == smooth.shape
    assert (own / 'predictions.jsonl').read_bytes() == (out / 'predictions.jsonl').read_bytes()
    rows = read_video_poses(own / 'predictions.jsonl').of(1)
    jitter = [np.abs(np.diff(poses[rows], n=2, axis=0)).mean() for poses in (plain, smooth)]
    assert jitter[1] < 0.7 * jitter[0]


def test_given_boxes_need_no_search(inferencer, clip, tmp_path):
    BrightSegmenter.finds = 0
    result = infer_video(inferencer, clip, tmp_path / 'out', overlay=False,
                         boxes={'clip.mp4:0': [4, 8, 18, 28], 'clip.mp4:10': [14, 8, 28, 28]})
    assert (result.poses, result.nobody, BrightSegmenter.finds) == (11, 45, 0)


def test_without_pandas_there_are_arrays_only(inferencer, clip, tmp_path, monkeypatch):
    def missing(path, *names):
        raise ImportError(f'{path}: pandas needed: pip install pandas')
    monkeypatch.setattr(video_module, 'import_packages', missing)
    result = infer_video(inferencer, clip, tmp_path / 'out', overlay=False)
    assert 'no .h5 and .csv' in result.left_out and 'pip install pandas' in result.left_out
    assert [path.name for path in result.files] == ['poses.npz', 'predictions.jsonl']
