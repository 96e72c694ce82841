import builtins

import cv2
import numpy as np
import pytest

from mmxas.datasets.converters import h36m
from mmxas.datasets.datasets import H36MPoseDataset
from mmxas.ops.geometry import camera_to_image

from .archives import (
    FRAMES,
    cut_video,
    grey_frames,
    h36m_poses,
    snapshot,
    to_camera,
    write_cdf,
    write_h36m,
    write_hdf5_masks,
    write_video,
)

pytest.importorskip('cdflib', reason='cdflib is optional: pip install cdflib')


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    return write_h36m(tmp_path_factory.mktemp('h36m') / 'archive')


@pytest.fixture
def small(tmp_path):
    """One subject of the archive, to be broken."""
    return write_h36m(tmp_path / 'archive', subjects=('S9', ))


def test_poses_images_and_boxes_arrive(archive, tmp_path):
    assert h36m.convert(archive, tmp_path, step=2, subjects=['S1', 'S9']) == {'train': 12, 'test': 12}
    content = np.load(tmp_path / 'annotation_body3d' / 'fps25' / 'h36m_train.npz')
    assert content['imgname'][1] == 'S1/S1_Directions_1.54138969/S1_Directions_1.54138969_000003.jpg'
    assert [name[-10:-4] for name in content['imgname'][:3]] == ['000001', '000003', '000005']
    wanted = to_camera(h36m_poses())[::2][:, list(h36m.KEYPOINTS)]
    assert np.abs(content['S'][:3, :, :3] * 1000 - wanted).max() < 1e-6
    image = cv2.imread(str(tmp_path / 'images' / content['imgname'][1]))
    assert image.shape == (64, 64, 3) and image.mean() == pytest.approx(60, abs=4)


def test_the_data_set_reads_it(archive, tmp_path):
    h36m.convert(archive, tmp_path, subjects=['S9'], step=1)
    dataset = H36MPoseDataset(
        'annotation_body3d/fps50/h36m_test.npz', camera_file='annotation_body3d/cameras.pkl', data_root=str(tmp_path),
        data_prefix=dict(img='images'), with_labels=True, subjects=['S9'], actions=['Directions'], sample_interval=2,
        skeleton='h36m18')
    assert len(dataset) == 4 * FRAMES // 2
    info = dataset.get_data_info(1)
    projected = camera_to_image(info['keypoints_cam'][0].astype(float), info['camera']['K'])[:17, :2]
    assert np.abs(projected - info['keypoints'][0, :17]).max() < 1e-3
    # The camera's place in the world comes along: back in the world, the four views of a frame set are one pose.
    views = [info for info in map(dataset.get_data_info, range(len(dataset)))
             if (info['sequence'], info['frame']) == ('S9_Directions_1', 3)]
    assert len({info['camera_name'] for info in views}) == 4
    for info in views:
        world = (info['keypoints_cam'][0] - info['camera']['t']) @ info['camera']['R']
        assert np.abs(world[:17] - h36m_poses()[2, list(h36m.KEYPOINTS)]).max() < 0.01


def test_a_second_run_changes_nothing(archive, tmp_path):
    h36m.convert(archive, tmp_path, step=3, subjects=['S9'])
    before = snapshot(tmp_path)
    assert len(before) == 8 + 4 + 2  # images, parts, cameras.pkl and the npz
    h36m.convert(archive, tmp_path, step=3, subjects=['S9'])
    assert snapshot(tmp_path) == before
    lost = next(path for path in (tmp_path / 'images').rglob('*.jpg'))
    content = lost.read_bytes()
    lost.unlink()
    h36m.convert(archive, tmp_path, step=3, subjects=['S9'])
    assert lost.read_bytes() == content and snapshot(tmp_path).keys() == before.keys()


def test_world_poses_do_where_the_cameras_are_missing(small, tmp_path):
    for path in (small / 'S9' / 'MyPoseFeatures' / 'D3_Positions_mono').iterdir():
        path.unlink()
    h36m.convert(small, tmp_path / 'out', subjects=['S9'])
    content = np.load(tmp_path / 'out' / 'annotation_body3d' / 'fps10' / 'h36m_test.npz')
    assert np.abs(content['S'][0, :, :3] * 1000 - to_camera(h36m_poses())[0, list(h36m.KEYPOINTS)]).max() < 1e-6


def test_missing_files_are_named(small, tmp_path):
    cdf = small / 'S9' / 'MyPoseFeatures' / 'D2_Positions' / 'Directions 1.55011271.cdf'
    content = cdf.read_bytes()
    cdf.unlink()
    with pytest.raises(FileNotFoundError, match='Directions 1.55011271.cdf: no such CDF file'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'])
    assert h36m.convert(small, tmp_path / 'out', subjects=['S9'], on_error='skip') == {'test': 6}
    cdf.write_bytes(content)
    (small / 'S9' / 'Videos' / 'Directions 1.58860488.mp4').unlink()
    with pytest.raises(OSError, match='Directions 1.58860488.mp4: no such video'):
        h36m.convert(small, tmp_path / 'new', subjects=['S9'])
    (small / 'metadata.xml').unlink()
    with pytest.raises(FileNotFoundError, match='metadata.xml: no such camera file'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'])
    with pytest.raises(ValueError, match=r"subjects \['S2'\]: expected some of"):
        h36m.convert(small, tmp_path / 'out', subjects=['S2'])


def test_wrong_poses_are_named(small, tmp_path):
    folder = small / 'S9' / 'MyPoseFeatures' / 'D3_Positions_mono'
    write_cdf(folder / 'Directions 1.54138969.cdf', np.zeros((1, FRAMES, 17 * 3)))
    with pytest.raises(ValueError, match='54138969.cdf: 51 numbers per frame, expected 32 keypoints of 3'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'], on_error='skip')
    write_cdf(folder / 'Directions 1.54138969.cdf', np.zeros((1, FRAMES - 1, 96)))
    with pytest.raises(ValueError, match='6 frames of 2D poses and 5 of 3D poses'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'])
    (folder / 'Directions 1.54138969.cdf').write_bytes(b'no CDF file')
    with pytest.raises(OSError, match='54138969.cdf: cannot be read as a CDF file of poses'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'])


def test_a_video_that_ends_early_leaves_its_frames_out(small, tmp_path):
    video = small / 'S9' / 'Videos' / 'Directions 1.54138969.mp4'
    write_video(video, [np.zeros((64, 64, 3), np.uint8)] * 2, 'mp4v')
    assert h36m.convert(small, tmp_path / 'out', subjects=['S9'], step=1) == {'test': 2 + 3 * FRAMES}


def test_a_truncated_video_is_named(small, tmp_path):
    cut_video(tmp_path / 'cut.avi', grey_frames())
    video = small / 'S9' / 'Videos' / 'Directions 1.54138969.mp4'
    video.write_bytes((tmp_path / 'cut.avi').read_bytes())
    with pytest.raises(OSError, match=r'Directions 1\.54138969\.mp4: truncated video, the file lacks'):
        h36m.convert(small, tmp_path / 'out', subjects=['S9'], step=1)
    assert h36m.convert(small, tmp_path / 'out', subjects=['S9'], step=1, on_error='skip') == {'test': 3 * FRAMES}


def test_a_run_of_some_subjects_keeps_the_others(tmp_path):
    archive = write_h36m(tmp_path / 'archive', subjects=('S9', 'S11'))
    path = tmp_path / 'out' / 'annotation_body3d' / 'fps50' / 'h36m_test.npz'
    assert h36m.convert(archive, tmp_path / 'out', subjects=['S9', 'S11'], step=1) == {'test': 8 * FRAMES}
    before = path.read_bytes()
    assert h36m.convert(archive, tmp_path / 'out', subjects=['S11'], step=1) == {'test': 8 * FRAMES}
    assert path.read_bytes() == before
    next((tmp_path / 'out' / 'images' / 'S9').rglob('*.jpg')).unlink()
    with pytest.raises(ValueError, match=r'h36m_test\.npz: not replaced, it has 6 frames .* such as S9/'):
        h36m.convert(archive, tmp_path / 'out', subjects=['S11'], step=1)
    assert path.read_bytes() == before


def test_without_cdflib_it_says_so(small, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('cdflib'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match='read by cdflib, which is not installed: pip install cdflib'):
        h36m.convert(small, tmp_path / 'out')


@pytest.mark.parametrize('step, name', [(1, 'fps50'), (5, 'fps10'), (25, 'fps2'), (26, 'step26'), (50, 'fps1')])
def test_each_step_has_a_folder_of_its_own(step, name):
    assert h36m.rate_folder(step) == name


@pytest.mark.parametrize('step', [0, -5, 51, 2.5])
def test_a_wrong_step_leaves_nothing_behind(archive, tmp_path, step):
    with pytest.raises(ValueError, match=f'step={step}, expected a whole number from 1 to 50'):
        h36m.convert(archive, tmp_path / 'out', step=step)
    assert not (tmp_path / 'out').exists()


def test_the_archives_masks_are_written_beside_the_images(small, tmp_path):
    """Every second frame; the last has none, and so a black one; what was converted without masks is completed."""
    masks = [np.random.default_rng(i).random((64, 64)) < 0.3 for i in range(FRAMES - 2)]
    for camera in ('54138969', '55011271', '58860488', '60457274'):
        write_hdf5_masks(small / 'S9/MySegmentsMat/ground_truth_bs' / f'Directions 1.{camera}.mat', masks)
    out = tmp_path / 'out'
    h36m.convert(small, out, step=2, subjects=['S9'])
    assert not (out / 'masks').exists()
    assert h36m.convert(small, out, step=2, subjects=['S9'], masks=True) == {'test': 12}
    names = np.load(out / 'annotation_body3d/fps25/h36m_test.npz')['imgname']
    for index, name in zip((0, 2, 4), names[:3], strict=True):
        mask = cv2.imread(str((out / 'masks' / name).with_suffix('.png')), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(mask, masks[index] * 255 if index < len(masks) else np.zeros((64, 64)))
    before = snapshot(out)
    h36m.convert(small, out, step=2, subjects=['S9'], masks=True)
    assert snapshot(out) == before
    (small / 'S9/MySegmentsMat/ground_truth_bs/Directions 1.54138969.mat').unlink()
    with pytest.raises(FileNotFoundError, match='Directions 1.54138969.mat: no such file of masks.*without --masks'):
        h36m.convert(small, tmp_path / 'new', step=2, subjects=['S9'], masks=True)
