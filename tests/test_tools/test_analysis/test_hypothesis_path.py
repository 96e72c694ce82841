"""What the comparison films, what it asks the detector for, and its figures; no detector runs."""
import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from tiny_videos import number_of, write_video

from mmxas.structures import load_skeleton

GENERATOR = dict(
    body_model=[dict(type='SMPLBodyModel', model_path='free', gender=gender) for gender in ('female', 'male')],
    pose_source=dict(type='MocapPoses'), camera=dict(type='SampledCamera'), appearance=dict(type='PaintedClothes'),
    light=dict(type='RandomLight'), background=dict(type='NoiseBackground'), renderer=dict(type='EmbreeRenderer'))
SKELETON = load_skeleton('h36m18')


@pytest.fixture
def tool(load_tool):
    return load_tool('analysis/hypothesis_path')


@pytest.fixture
def seen(tool, monkeypatch):
    """The frames that a detector would be given; it finds nothing."""
    frames = []

    def predict(inferencer, given):
        frames.extend(given)
        shape = (len(frames), 2, SKELETON.num_keypoints)
        return dict(hypotheses=np.zeros((*shape, 3)), scores=np.ones(shape), valid=np.ones(shape, dtype=bool),
                    parents=np.array(SKELETON.parents))

    monkeypatch.setattr(tool, 'predict', predict)
    return frames


@pytest.fixture
def inferencer():
    generator = Config(dict(test_dataloader=dict(dataset=dict(generator=GENERATOR))))
    return SimpleNamespace(cfg=generator, model=SimpleNamespace(skeleton=SKELETON))


@pytest.fixture
def clip(tool):
    """A body that moves evenly along z; the second hypothesis is right, and the first one every other frame, too."""
    time = np.arange(20) / 30
    truth = np.zeros((20, 18, 3))
    truth[..., 0] = np.arange(18) * 10.0
    truth[:, 1:, 2] = 30 * time[:, None]
    hypotheses = np.stack([truth, truth], axis=1)
    hypotheses[1::2, 0, 1:, 2] += 90.0
    return tool.Clip(times=time, truth=truth, keypoints=np.arange(18), centre=np.array([0]), hypotheses=hypotheses,
                     scores=np.ones((20, 2, 18)), valid=np.ones((20, 2, 18), dtype=bool),
                     parents=np.array(SKELETON.parents))


def test_a_film_has_one_body_camera_dress_light_and_background(tool, seen, inferencer):
    clip = tool.rendered(inferencer, 'walk', seed=1, every=13)
    assert np.diff(clip.times) == pytest.approx([13 / 30] * 2, rel=1e-3) and clip.truth.shape == (3, 18, 3)
    (one, box, K, depth), (other, *_), (_, _, later, _) = seen
    np.testing.assert_allclose(later, K, rtol=1e-5)
    np.testing.assert_allclose(clip.truth[:, 0], clip.truth[:1, 0].repeat(3, axis=0), atol=1e-2)
    assert depth == pytest.approx(clip.truth[0, 0, 2])
    bones = [np.linalg.norm(clip.truth[:, c] - clip.truth[:, p], axis=-1) for p, c in [(1, 2), (2, 3), (11, 12)]]
    assert np.ptp(bones, axis=1).max() < 15 and np.abs(clip.truth[1] - clip.truth[0]).max() > 50
    x0, y0, x1, y1 = box.astype(int)
    outside = np.ones(one.shape[:2], dtype=bool)
    outside[y0:y1, x0:x1] = False
    assert (one[:40] == other[:40]).all() and 0.5 < outside.mean() < 0.99
    seen.clear()
    assert np.abs(tool.rendered(inferencer, 'walk', seed=2, every=20).truth[0, 0] - clip.truth[0, 0]).max() > 10


def test_the_walking_man_between_his_labels(tool, seen, inferencer, tmp_path, monkeypatch):
    monkeypatch.setenv('MMXAS_DATA_DIR', str(tmp_path))
    write_video(tmp_path / 'cam02.mp4', num=12)
    names = ['right_hip', 'left_hip', 'left_knee']
    labels = [dict(file=f'cam2_{number:03d}.jpg', K=np.eye(3).tolist(), keypoints_cam=[[0, 0, depth]] * 3,
                   keypoints_px=[[10 + number, 10], [10 + number, 10], [20 + number, 30]])
              for number, depth in ((3, 3000), (9, 3600))]
    labels.append(dict(labels[0], file='cam1_005.jpg'))
    (tmp_path / 'photos/pose2sim').mkdir(parents=True)
    (tmp_path / tool.LABELS).write_text(json.dumps(dict(names=names, frames=labels)))
    clip = tool.walking(inferencer, tmp_path, camera=2, every=2)
    assert clip.times.tolist() == [3 / 60, 5 / 60, 7 / 60, 9 / 60]
    assert [number_of(image) for image, *_ in seen] == [3, 5, 7, 9] and seen[0][0].shape == (32, 48, 3)
    assert [depth for *_, depth in seen] == [3000, 3200, 3400, 3600]
    margin = 0.12 * 20
    np.testing.assert_allclose([box for _, box, *_ in seen], [
        [10 + n - margin, 10 - 1.5 * margin, 20 + n + margin, 30 + margin] for n in (3, 5, 7, 9)])
    assert np.isfinite(clip.truth[:, 0, 0]).tolist() == [True, False, False, True]
    assert clip.keypoints.tolist() == [1, 4, 5] and clip.centre.tolist() == [0, 1]


def test_figures(tool, clip):
    """The first hypothesis is 90 mm wrong at 17 of 18 keypoints in every other frame, and jumps by 90 mm in each."""
    found = tool.estimates(clip, motion_std=100.0, window=5)
    error, aligned, acceleration = tool.figures(clip, found['top-1'])
    assert error == pytest.approx(90 * 17 / 18 / 2) and 0 < aligned < error
    assert acceleration == pytest.approx(180 * 17 / 18 * 900 / 1000)
    for name in ('path by keypoint', 'path by limb', 'path by pose, smoothed', 'path by pose and scores'):
        assert tool.figures(clip, found[name]) == pytest.approx((0, 0, 0), abs=1e-6)
    assert tool.figures(clip, found['top-1, smoothed'])[2] < 0.5 * acceleration


def test_the_best_is_only_what_counts(tool, clip):
    for numbers in tool.best(clip).values():
        assert numbers[:2] == pytest.approx((0, 0), abs=1e-5)
    clip.valid[:, 1, 5:] = False  # the pose counts still, its keypoints from 5 on do not
    found = tool.best(clip)
    assert found['best pose'][0] == pytest.approx(0, abs=1e-5)
    assert found['best keypoints'][0] == pytest.approx(90 * 13 / 18 / 2)
    clip.truth[1::2] = np.nan
    assert tool.best(clip)['best keypoints'][0] == pytest.approx(0, abs=1e-5)


def test_the_table_of_predictions_that_are_there(tool, clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, 'XASInferencer', None)
    for seed in (0, 4):
        tool.save(tmp_path / f'kick_{seed}_2.npz', clip)
    for name, value in asdict(tool.load(tmp_path / 'kick_0_2.npz')).items():
        np.testing.assert_array_equal(value, getattr(clip, name))
    arguments = ['--clips', 'kick', '--seeds', '0', '4', '--out', str(tmp_path)]
    tool.compare(tool.parse_args(arguments))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '|  | kick_0 | kick_4 |' and len(lines) == 2 + 14 + 3
    assert lines[2].startswith('| top-1 | 42.5 / ') and lines[2].count(' / 153 |') == 2
    assert '| path by keypoint | 0.0 / 0.0 / 0 |' in lines[4] and lines[-3].endswith('/ – |')


def test_what_is_missing_is_named(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv('MMXAS_DATA_DIR', raising=False)
    with pytest.raises(SystemExit):
        tool.parse_args(['--pose2sim', str(tmp_path)])
    assert 'MMXAS_DATA_DIR is not set' in capsys.readouterr().err
