"""The whole conversion: what the data set reads, filters and counts, twice over, resumed, and bad files."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxas.datasets.converters import surreal
from mmxas.datasets.converters.surreal import NOBODY, OFF_CENTRE, OFF_MASK, UNREADABLE, SurrealOptions
from mmxas.datasets.datasets import SyntheticPairDataset
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import BODY_MODELS
from mmxas.synthesis.shards import PairReader

from . import surreal_files

ALL = SurrealOptions(num_clips=None, per_clip=None, centre_px=None, max_off_mask=None, image_size=64, shard_size=4)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Three clips of 4, 3 and 2 frames; one frame without joints, one with a black mask; an excluded clip."""
    root = tmp_path_factory.mktemp('train')
    surreal_files.write_clip(root / 'run0' / '01_01', '01_01_c0001', num=4, seed=1, nobody=(1, ))
    surreal_files.write_clip(root / 'run0' / '01_01', '01_01_c0002', num=3, seed=2, black=(0, ), gender=1)
    surreal_files.write_clip(root / 'run1' / '02_03', '02_03_c0001', num=2, seed=3)
    surreal_files.write_clip(root / 'run1' / 'ung_01', 'ung_01_c0001', num=1, seed=4)
    return root


@pytest.fixture(autouse=True, scope='module')
def quick_bodies():
    """Each body model is read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surreal, 'BODY_MODELS', SimpleNamespace(
            build=lambda config: surreal_files.body_model(config['gender']) if config['model_path'] == 'free'
            else BODY_MODELS.build(config)))
        yield


def _convert(source, out, options=ALL, **kwargs):
    return surreal.convert(source, out, options, surreal_files.FREE, **kwargs)


def _state(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_it_becomes_pairs_that_the_data_set_reads(source, tmp_path):
    report = _convert(source, tmp_path / 'out')
    assert report == {'num': 7, 'clips': 3, 'left_out': {NOBODY: 2}}
    reader = PairReader(tmp_path / 'out')
    assert [reader[i].clip for i in range(7)] == (
        ['run0/01_01/01_01_c0001'] * 3 + ['run0/01_01/01_01_c0002'] * 2 + ['run1/02_03/02_03_c0001'] * 2)
    assert [reader[i].frame for i in range(7)] == [0, 2, 3, 1, 2, 0, 1]
    assert [reader[i].body for i in range(7)] == [0, 0, 0, 1, 1, 0, 0]
    pipeline = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
                dict(type='SquareCropAffine', input_size=(32, 32)),
                dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
                dict(type='PackXASInputs')]
    dataset = SyntheticPairDataset(data_root=str(tmp_path / 'out'), box='root', pipeline=pipeline, skeleton='h36m18')
    assert len(dataset) == 7
    for index in range(7):
        sample = dataset[index]['data_samples']
        norm = sample.gt_instance_labels.keypoint_norm[0].numpy()
        assert np.abs(norm[0]).max() < 2e-3 and np.abs(norm).max() < 1  # 2000 mm around the root
        pixels = np.clip(np.round((norm[:, :2] + 1) * 16 - 0.5).astype(int), 0, 31)
        mask = cv2.dilate(sample.gt_fields.mask[0].numpy(), np.ones((3, 3)))
        assert (mask[pixels[:, 1], pixels[:, 0]] > 0.3).sum() >= 16
        assert sample.metainfo['rect_3d_width'] == pytest.approx(2000, rel=1e-3)


def test_a_pair_knows_its_pose(source, tmp_path):
    _convert(source, tmp_path / 'out')
    pair = PairReader(tmp_path / 'out')[1]
    assert pair.pose.shape == (24, 3) and pair.betas.shape == (10, ) and abs(pair.yaw) <= 3
    pixels = camera_to_image(pair.keypoints_cam.astype(float), pair.K.astype(float))[:, :2]
    assert pixels[0] == pytest.approx([31.5, 31.5], abs=1e-3)
    x0, y0, x1, y1 = pair.bbox
    assert (pair.image[int(y0 + y1) // 2, int(x0 + x1) // 2] > 120).all() and pair.image[2, 2].max() < 80


def test_the_second_run_changes_nothing(source, tmp_path):
    first = _convert(source, tmp_path / 'out')
    before = _state(tmp_path / 'out')
    assert sorted(before) == ['meta.json', 'pairs_00000.npz', 'pairs_00001.npz']
    assert _convert(source, tmp_path / 'out') == first and _state(tmp_path / 'out') == before
    (tmp_path / 'out' / 'pairs_00000.npz').unlink()
    assert _convert(source, tmp_path / 'out') == first
    again = _state(tmp_path / 'out')
    assert {name: data for name, (_, data) in again.items()} == {name: data for name, (_, data) in before.items()}
    with pytest.raises(ValueError, match='another configuration'):
        _convert(source, tmp_path / 'out', SurrealOptions(image_size=32))


@pytest.mark.parametrize('shard_size', [2, 4])
def test_a_stopped_run_is_taken_up(source, tmp_path, monkeypatch, shard_size):
    options = SurrealOptions(**{**vars(ALL), 'shard_size': shard_size})
    whole = _convert(source, tmp_path / 'whole', options)
    write, done = surreal._write_shard, []

    def stop_after_one(out, number, encoded):
        if done:
            raise KeyboardInterrupt
        done.append(write(out, number, encoded))

    monkeypatch.setattr(surreal, '_write_shard', stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        _convert(source, tmp_path / 'out', options)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['pairs_00000.npz', 'progress.json']
    monkeypatch.setattr(surreal, '_write_shard', write)
    with pytest.raises(ValueError, match='the beginning of another conversion'):
        _convert(source, tmp_path / 'out', SurrealOptions(image_size=32))
    kept = (tmp_path / 'out' / 'pairs_00000.npz').stat().st_mtime_ns
    assert _convert(source, tmp_path / 'out', options) == whole
    assert (tmp_path / 'out' / 'pairs_00000.npz').stat().st_mtime_ns == kept
    read = [{name: data for name, (_, data) in _state(tmp_path / folder).items()} for folder in ('whole', 'out')]
    assert read[0] == read[1]


def test_the_released_filters(source, tmp_path):
    strict = SurrealOptions(**{**vars(ALL), 'centre_px': 10.0, 'max_off_mask': 4, 'per_clip': 1})
    report = _convert(source, tmp_path / 'out', strict)
    assert report['num'] <= 3 and report['num'] == len(PairReader(tmp_path / 'out'))
    nothing = SurrealOptions(**{**vars(ALL), 'centre_px': -1.0})
    with pytest.raises(ValueError, match=f"no frame of 3 clips is left; left out: .*'{OFF_CENTRE}': 8"):
        _convert(source, tmp_path / 'nothing', nothing)
    none_off = SurrealOptions(**{**vars(ALL), 'max_off_mask': -1})
    with pytest.raises(ValueError, match=f"'{OFF_MASK}': 7"):
        _convert(source, tmp_path / 'off', none_off)
    # labels of the unmirrored video's frame on the mirrored mask: what the filter is for
    as_is = SurrealOptions(**{**vars(ALL), 'mirror': False})
    assert _convert(source, tmp_path / 'as_is', as_is)['num'] == 7
    one, other = PairReader(tmp_path / 'as_is')[0], (_convert(source, tmp_path / 'm'), PairReader(tmp_path / 'm')[0])[1]
    assert one.keypoints_cam[:, 0] == pytest.approx(-other.keypoints_cam[:, 0])
    assert (one.mask != other.mask[:, ::-1]).mean() < 0.01


def test_draws_depend_on_the_seed_alone(source, tmp_path):
    assert len(surreal.find_clips(source, SurrealOptions(num_clips=2))) == 2
    (source / '._01_00_c0001_info.mat').touch()  # of macOS
    assert len(surreal.find_clips(source, SurrealOptions(exclude=''))) == 4
    frames = []
    for out, seed in (('a', 0), ('b', 0), ('c', 1), ('d', 2), ('e', 3)):
        _convert(source, tmp_path / out, SurrealOptions(**{**vars(ALL), 'per_clip': 1, 'seed': seed}))
        reader = PairReader(tmp_path / out)
        frames.append([reader[i].frame for i in range(len(reader))])
    assert frames[0] == frames[1] and len({tuple(f) for f in frames}) > 1


def test_bad_files_are_named_or_counted(tmp_path):
    for number in range(4):
        surreal_files.write_clip(tmp_path / 's', f'01_0{number}_c0001', num=2, seed=number)
    (tmp_path / 's' / '01_00_c0001_segm.mat').unlink()
    with pytest.raises(OSError, match=r'01_00_c0001_segm\.mat: no such file'):
        _convert(tmp_path / 's', tmp_path / 'out')
    video = tmp_path / 's' / '01_01_c0001.mp4'
    video.write_bytes(video.read_bytes()[:300])
    (tmp_path / 's' / '01_02_c0001.mp4').write_bytes(b'')
    report = _convert(tmp_path / 's', tmp_path / 'out', on_error='skip')
    assert report == {'num': 2, 'clips': 4, 'left_out': {UNREADABLE: 3}}
    assert _convert(tmp_path / 's', tmp_path / 'out', on_error='skip') == report
    short = tmp_path / 'short'
    surreal_files.write_clip(short, '05_01_c0001', num=3)
    surreal_files.write_clip(tmp_path / 'other', '05_01_c0001', num=2)
    (short / '05_01_c0001.mp4').write_bytes((tmp_path / 'other' / '05_01_c0001.mp4').read_bytes())
    with pytest.raises(OSError, match=r'05_01_c0001\.mp4: 2 frames, but its annotations are of 3'):
        _convert(short, tmp_path / 'out2')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='empty: no clip in this folder'):
        _convert(tmp_path / 'empty', tmp_path / 'out3')
    with pytest.raises(ValueError, match='on_error'):
        _convert(short, tmp_path / 'out4', on_error='ignore')
    with pytest.raises(FileNotFoundError, match='SMPL'):
        surreal.convert(short, tmp_path / 'out5', ALL, dict(type='SMPLBodyModel', model_path=str(tmp_path / 'none')))
