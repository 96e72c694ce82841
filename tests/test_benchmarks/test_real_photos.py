"""The benchmark on real photos: its figures by hand, its readers on a miniature, and a few photos."""
import json
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from benchmarks.real_photos import __main__ as real_photos
from benchmarks.real_photos import photos as read
from benchmarks.real_photos import renderings as held_out
from benchmarks.real_photos import scores
from benchmarks.real_photos.detector import DECODINGS, Detector, Masks, Prediction
from benchmarks.real_photos.photos import DOG, IN_H36M, LIMBS, Photo
from mmxas.ops.geometry import camera_to_image
from mmxas.synthesis.pair_generator import PairGenerator

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get('MMXAS_DATA_DIR') or ROOT / '../shared/data').resolve()
K = np.array([[1000.0, 0, 500], [0, 1000, 400], [0, 0, 1]])


@pytest.fixture
def pose():
    """Limbs in the camera frame, mm, the middle of the hips 4 m away."""
    points = np.random.default_rng(0).normal([0, 0, 4000], 300, (12, 3))
    points[scores.HIPS, 2] = 4000
    return points


def photo_of(**known):
    return Photo('a', Path('a.jpg'), np.array([0.0, 0, 10, 10]), **known)


def standing():
    """Joints px of a torso of 50 px; hips at y = 90, shoulders at y = 50."""
    joints = np.zeros((12, 2))
    joints[LIMBS.index('right_hip')], joints[LIMBS.index('left_hip')] = (20, 90), (50, 90)
    joints[LIMBS.index('right_shoulder')], joints[LIMBS.index('left_shoulder')] = (20, 50), (50, 50)
    return joints


def test_the_limbs_are_the_keypoints_that_leeds_sports_pose_labels():
    assert IN_H36M == [3, 2, 1, 4, 5, 6, 16, 15, 14, 11, 12, 13]


def test_pck_counts_limbs_nearer_than_a_fifth_of_the_torso():
    joints = standing()
    points = np.stack([joints, joints])
    points[0, :3, 0] += 9.9  # the torso is 50 px, so that 10 px is the limit
    points[1, :3, 0] += 10.1
    assert scores.torso_size(joints) == 50
    assert scores.limb_pck(points, joints).tolist() == [1.0, 0.75]


def test_upright_means_shoulders_above_hips_by_more_than_0_3_torsos():
    joints = standing()
    assert scores.is_upright(joints) and not scores.is_upright(joints * [1, -1])
    joints[scores.SHOULDERS, 1] = 81
    assert scores.torso_size(joints) == pytest.approx(np.hypot(30, 9))
    assert not scores.is_upright(joints)  # 9 px of 31.3 are 0.287
    joints[scores.SHOULDERS, 1] = 80
    assert scores.is_upright(joints)  # 10 px of 31.6 are 0.316


def test_pck_of_masks_counts_the_visible_keypoints():
    mask = np.zeros((50, 50), bool)
    mask[10:30, 10:30] = True  # 20 px, of which 0.15 are 3 px
    joints, visible = np.full((4, 2), 15.0), np.array([True, True, True, False])
    points = np.stack([joints + [[2.9, 0], [3.1, 0], [0, 0], [0, 0]]])
    photo = photo_of(joints=joints, visible=visible, mask=mask)
    assert scores.mask_pck(points, photo) == pytest.approx([2 / 3])


def test_a_scale_and_a_shift_leave_no_n_mpjpe(pose):
    assert scores.scaled_error(pose[None] * 0.1 + 7, pose) == pytest.approx([0], abs=1e-9)
    moved = pose[None].copy()
    moved[0, scores.HIPS] += 30  # both hips: the centre follows them, the ten others are off by 30 sqrt 3
    assert 0 < scores.scaled_error(moved, pose)[0] < 30 * np.sqrt(3)
    assert scores.scaled_error(np.zeros((1, 12, 3)), pose) == pytest.approx(
        [np.linalg.norm(scores.hip_centred(pose), axis=-1).mean()])


def test_pa_mpjpe_takes_rotations_and_no_reflections(pose):
    whole = np.zeros((2, 18, 3))
    whole[0, IN_H36M] = pose[:, [1, 2, 0]] * 0.2 + 5  # a rotation, by an even permutation of the axes
    whole[1, IN_H36M] = pose * [-1, 1, 1]
    errors = scores.errors_3d(whole, photo_of(pose=pose, K=K, root_depth=4000.0))['PA-MPJPE']
    assert errors[0] == pytest.approx(0, abs=1e-6) and errors[1] > 50


def test_mpjpe_lifts_by_the_true_camera(pose):
    """x and y in px and z in px of the crop give the pose back; the root's depth decides the scale."""
    skeleton = np.random.default_rng(1).normal([0, 0, 4000], 300, (18, 3))
    skeleton[IN_H36M] = pose
    image = camera_to_image(skeleton, K, 4000.0) / [1, 1, 4000 / 1000]
    photo = photo_of(pose=pose, skeleton=skeleton, K=K, root_depth=4000.0)
    errors = scores.errors_3d(image[None], photo)
    assert errors['MPJPE'] == pytest.approx([0], abs=1e-6)
    assert errors['MPJPE, 18 keypoints'] == pytest.approx([0], abs=1e-6)
    skeleton[0, 0] += 18  # the root, which the others are compared about
    assert scores.errors_3d(image[None], photo)['MPJPE, 18 keypoints'] == pytest.approx([17])


def test_the_best_hypothesis_is_the_best_that_counts(pose):
    """An error's best is the smallest, a share's the largest; a hypothesis that does not count never wins."""
    class Known:
        def predict(self, photos, pipeline=None):
            near, far, exact = ([standing() + [[step, 0]] for step in (9, 11, 0)])
            poses = np.zeros((3, 18, 3))
            poses[:, IN_H36M, :2] = np.stack([far, near, exact])
            poses[1, IN_H36M[0], 0] += 5
            return {name: [Prediction(poses, np.array([True, True, False]))] for name in DECODINGS}

    rows = real_photos.new_rows()
    real_photos.add_poses(rows, Known(), [Photo('lspet/dev', Path('a.jpg'), np.zeros(4), standing())])
    for name in ('lspet/dev', 'lspet/dev, upright'):
        assert rows[name, 'PCK@0.2']['window, top-1'] == [0]
        assert rows[name, 'PCK@0.2']['window, best-of-H'] == pytest.approx([11 / 12])
    assert real_photos.best_of('PA-MPJPE')(np.array([3.0, 2.0])) == 2


def test_a_box_is_segmented_once():
    class Counting:
        calls = 0

        def segment(self, image, box=None):
            self.calls += 1
            return image[..., 0] > 0

    segmenter, image = Counting(), np.ones((4, 4, 3), np.uint8)
    masks = Masks(segmenter)
    for box in ((0, 0, 2, 2), (0, 0, 2, 2), (0, 0, 3, 2)):
        assert masks.segment(image, np.array(box)).all()
    assert not masks.segment(image * 0, np.array((0, 0, 2, 2))).any()
    assert segmenter.calls == len(masks.seconds) == 3 and masks.name == 'Counting'


def test_badja_is_scaled_by_the_height_of_the_image():
    joints, visible = [[0, 0] for _ in range(37)], [False] * 37
    joints[33], visible[33] = [540, 960], True
    joints[36], visible[36] = [108, 216], True
    points, seen = read.badja_joints(dict(joints=joints, visibility=visible), 360)
    assert points[DOG.index('nose')].tolist() == [320, 180]
    assert points[DOG.index('left_ear_tip')] == pytest.approx([72, 36])
    assert [DOG[place] for place in np.flatnonzero(seen)] == ['nose', 'left_ear_tip']
    assert set(read.BADJA.values()) <= set(DOG)


def test_boxes_grow_by_the_larger_side():
    points = np.array([[10.0, 20], [30, 120]])
    assert read.extent_box(points, 0.08) == pytest.approx([2, 12, 38, 128])
    assert read.extent_box(points, 0.12, 0.18) == pytest.approx([-2, 2, 42, 132])


@pytest.fixture
def miniature(tmp_path):
    """Two photos of lspet, one of pose2sim, two frames of davis/dog of which BADJA labels one."""
    photos = tmp_path / 'photos'
    joints = np.concatenate([np.c_[standing(), np.full(12, 2)], np.zeros((2, 3))])
    overturned = np.where(joints > 0, joints * [1, -1, 1] + [0, 200, 0], 0)
    entries = [dict(image_id=7, bbox=[1, 2, 30, 40], keypoints=joints.ravel().tolist()),
               dict(image_id=3, bbox=[0, 0, 9, 9], keypoints=overturned.ravel().tolist())]
    names = ['left_hip', 'right_hip', *(name for name in LIMBS if 'hip' not in name)]
    frame = dict(file='a.jpg', K=K.tolist(), keypoints_px=(np.arange(24.0).reshape(12, 2) + 50).tolist(),
                 keypoints_cam=np.arange(36.0).reshape(12, 3).tolist())
    labels = [dict(image_path='x/00002.jpg', joints=[[30, 60]] * 37, visibility=[True] * 37)]
    for file, content in {'lspet/dev.json': dict(images=[dict(id=3, file_name='b.jpg'), dict(id=7, file_name='a.jpg')],
                                                 annotations=entries),
                          'pose2sim/labels.json': dict(names=names, frames=[frame]),
                          'davis/dog/badja_dog.json': labels}.items():
        (photos / file).parent.mkdir(parents=True, exist_ok=True)
        (photos / file).write_text(json.dumps(content))
    (photos / 'davis/dog/masks').mkdir()
    for name, filled in {'00000': 1, '00002': 1, '00004': 0}.items():
        mask = np.zeros((36, 64), np.uint8)
        mask[6:16, 12:32] = 255 * filled
        cv2.imwrite(str(photos / f'davis/dog/masks/{name}.png'), mask)
    return tmp_path


def test_the_readers(miniature):
    upright, overturned = read.lspet(miniature)
    assert upright.image == miniature / 'photos/lspet/dev/a.jpg' and upright.box.tolist() == [1, 2, 31, 42]
    assert upright.joints.tolist() == standing().tolist()
    assert real_photos.data_sets(upright) == ['lspet/dev', 'lspet/dev, upright']
    assert real_photos.data_sets(overturned) == ['lspet/dev']
    walking, = read.pose2sim(miniature)
    assert walking.pose[LIMBS.index('left_hip')].tolist() == [0, 1, 2]
    assert walking.pose[LIMBS.index('right_hip')].tolist() == [3, 4, 5]
    assert walking.root_depth == 3.5
    assert walking.box == pytest.approx([50 - 0.12 * 22, 51 - 0.18 * 22, 72 + 0.12 * 22, 73 + 0.12 * 22])
    dog, = read.badja(miniature)
    assert dog.image.name == '00002.jpg' and dog.box.tolist() == [12, 6, 32, 16] and dog.mask.sum() == 200
    assert dog.joints[DOG.index('nose')].tolist() == [2, 1]
    assert [photo.image.stem for photo in read.masked(miniature, 'davis/dog')] == ['00000', '00002']


def test_without_data_one_line_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv('MMXAS_DATA_DIR', raising=False)
    assert real_photos.main([]) == 2
    assert 'MMXAS_DATA_DIR is not set' in capsys.readouterr().err
    monkeypatch.setenv('MMXAS_DATA_DIR', str(tmp_path))
    assert real_photos.main(['--only', 'pose2sim']) == 2
    message = capsys.readouterr().err
    assert message.count('\n') == 1 and f'{tmp_path}: no photos/pose2sim/labels.json;' in message
    assert 'lspet' not in message


def test_recorded_figures_are_marked():
    rows = real_photos.new_rows()
    rows['pose2sim', 'N-MPJPE']['eq. 2, top-1'] += [200.0, 201.0]
    rows['ccp/dev', 'mask IoU']['eq. 2, top-1'] += [0.5]
    content = dict(human=['h'], dog=['d', 'w'], segmenter='S', machine='m', seconds=2.0,
                   rows=list(real_photos.summary(rows)))
    text = real_photos.markdown(content)
    assert '| pose2sim | 2 | N-MPJPE | 200 |  |  |  | 152* |' in text and '* recorded' in text
    assert '| ccp/dev | 1 | mask IoU | 0.500 |  |  |  |  |' in text
    rows['pose2sim', 'N-MPJPE']['MediaPipe'] += [150.0]
    assert [row['MediaPipe'] for row in real_photos.summary(rows) if row['data'] == 'pose2sim'] == [150]
    assert '*' not in real_photos.markdown(dict(content, rows=list(real_photos.summary(rows))))


def test_a_person_whom_mediapipe_missed_counts_0_in_pck_and_nothing_in_3d(pose):
    joints = standing()
    assert real_photos.mediapipe_figures(photo_of(joints=joints), None) == {'PCK@0.2': 0.0}
    assert real_photos.mediapipe_figures(photo_of(joints=joints, pose=pose), None) == {}
    result = dict(image=np.zeros((33, 2)), world=np.zeros((33, 3)))
    result['image'][real_photos.IN_MEDIAPIPE], result['world'][real_photos.IN_MEDIAPIPE] = joints, pose / 1000
    assert real_photos.mediapipe_figures(photo_of(joints=joints), result) == {'PCK@0.2': 1.0}
    found = real_photos.mediapipe_figures(photo_of(joints=joints, pose=pose), result)
    assert found == pytest.approx({'N-MPJPE': 0, 'PA-MPJPE': 0}, abs=1e-6)


@pytest.fixture(scope='module')
def photo_recipe():
    """The recipe that removes the background of half the crops, with small renderings."""
    cfg = Config.fromfile(ROOT / 'configs/xas_photos.py')
    cfg.train_dataloader.dataset.synthetic.generator.image_size = 96
    return cfg


@pytest.fixture(scope='module')
def rendered(photo_recipe, tmp_path_factory):
    """Three of its held-out pairs, and their folder."""
    folder = tmp_path_factory.mktemp('renderings')
    return held_out.renderings(photo_recipe, folder, 3), folder


def test_the_background_is_left_in_where_training_does_not_always_remove_it(photo_recipe):
    assert held_out.groups(Config.fromfile(ROOT / 'configs/xas_mocap.py')) == [held_out.REMOVED]
    assert held_out.groups(photo_recipe) == [held_out.REMOVED, held_out.LEFT_IN]
    never = photo_recipe.copy()
    never.train_dataloader.dataset.synthetic.pipeline = [dict(type='PackXASInputs')]
    assert held_out.groups(never) == [held_out.REMOVED, held_out.LEFT_IN]
    with pytest.raises(ValueError, match='no train_dataloader.dataset.synthetic.generator'):
        held_out.groups(Config(dict(train_dataloader=dict(dataset=dict(type='PairedDataset')))))


def test_held_out_pairs_are_not_those_of_the_training(photo_recipe, rendered):
    photos, folder = rendered
    generator = PairGenerator.from_config(
        photo_recipe.train_dataloader.dataset.synthetic.generator, seed=1000, skeleton='h36m18')
    pair = generator.generate(2)
    assert photos[2].joints == pytest.approx(camera_to_image(pair.keypoints_cam, pair.K)[IN_H36M, :2], abs=1e-2)
    assert photos[2].box.tolist() == pair.bbox.tolist() and (photos[2].mask == pair.mask.astype(bool)).all()
    assert np.abs(cv2.imread(str(photos[2].image)).astype(float) - pair.image).mean() < 5  # JPEG
    written, = folder.glob('*/pairs_00000.npz')
    before = written.stat().st_mtime_ns
    assert len(held_out.renderings(photo_recipe, folder, 3)) == 3 and written.stat().st_mtime_ns == before
    photo_recipe.train_dataloader.dataset.synthetic.seed = 5
    assert held_out.renderings(photo_recipe, folder, 1)[0].image.parents[1] != written.parent
    del photo_recipe.train_dataloader.dataset.synthetic.seed


def test_renderings_of_another_species_have_all_its_keypoints(tmp_path):
    cfg = Config.fromfile(ROOT / 'projects/animal/configs/xas_dog_photos.py')
    cfg.train_dataloader.dataset.synthetic.generator.image_size = 64
    photo, = held_out.renderings(cfg, tmp_path, 1)
    assert photo.joints.shape == (26, 2) and photo.visible.all()
    x0, y0, x1, y1 = photo.box
    inside = (photo.joints > [x0 - 5, y0 - 5]) & (photo.joints < [x1 + 5, y1 + 5])
    assert inside.mean() > 0.8
    off = photo.joints + 0.16 * np.sqrt(photo.mask.sum()) * np.eye(26)[:, [0]] * [1, 0]  # the first keypoint alone
    assert real_photos.figures(off[None], photo)['PCK@0.15'].tolist() == [25 / 26]


def test_the_true_mask_removes_the_background_or_nothing_does(photo_recipe, rendered):
    detector = Detector.__new__(Detector)  # its crops alone
    detector.inferencer = SimpleNamespace(model=SimpleNamespace(dataset_meta={}))
    removed, left_in = (detector._sample(rendered[0][0], held_out.pipeline_of(photo_recipe, group))
                        for group in (held_out.REMOVED, held_out.LEFT_IN))
    mask = removed['data_samples'].gt_fields.mask[0]
    assert 0.05 < (mask > 0.5).float().mean() < 0.6
    assert (removed['inputs'][:, mask == 0] == 0).all() and left_in['inputs'][:, mask == 0].float().mean() > 20
    assert (removed['inputs'][:, mask == 1] == left_in['inputs'][:, mask == 1]).all()


def test_renderings_need_no_photos(photo_recipe, rendered, monkeypatch, capsys, tmp_path):
    """One command, by a detector that is told the truth and misses one of the twelve limbs of one decoding."""
    photos, folder = rendered

    def predict(self, asked, pipeline=None):
        assert [photo.image for photo in asked] == [photo.image for photo in photos]
        found = {}
        for name in DECODINGS:
            poses = np.zeros((len(asked), 1, 18, 3))
            poses[:, 0, IN_H36M, :2] = np.stack([photo.joints for photo in asked])
            poses[0, 0, IN_H36M[0], 0] += 100 * (name == 'window')
            found[name] = [Prediction(pose, np.array([True])) for pose in poses]
        return found

    monkeypatch.delenv('MMXAS_DATA_DIR', raising=False)
    monkeypatch.setattr(real_photos, 'RENDERINGS', folder)
    monkeypatch.setattr(real_photos, 'renderings', lambda cfg, place: held_out.renderings(cfg, place, 3))
    monkeypatch.setattr(Detector, 'predict', predict)
    config = tmp_path / 'config.py'
    photo_recipe.dump(config)
    arguments = ['--only', 'renderings', '--human', str(config), '--out', str(tmp_path / 'out.json')]
    assert real_photos.main(arguments) == 0
    printed = capsys.readouterr().out
    rows = {row['data']: row for row in json.loads((tmp_path / 'out.json').read_text())['rows']}
    for group in (held_out.REMOVED, held_out.LEFT_IN):
        assert rows[group]['photos'] == 3 and rows[group]['figure'] == 'PCK@0.2'
        assert rows[group]['eq. 2, top-1'] == 1 and rows[group]['window, top-1'] == pytest.approx(35 / 36)
        assert f'| {group} | 3 | PCK@0.2 | 1.000 | 1.000 | 0.972 | 0.972 |' in printed


@pytest.mark.skipif(not (DATA / 'photos/pose2sim').is_dir(), reason=f'no photos in {DATA} (set MMXAS_DATA_DIR)')
def test_a_few_photos(monkeypatch, tmp_path):
    """By untrained weights, which put all keypoints into the middle of the crop by equation 2."""
    monkeypatch.setenv('MMXAS_DATA_DIR', str(DATA))
    root = read.data_root(['frames', 'pose2sim', 'lspet'])
    frames = list(read.frames(root))
    assert [photo.group for photo in frames] == ['Human3.6M'] * 4 + ['MPI-INF-3DHP']
    for photo in [*frames, *read.pose2sim(root)]:
        projected = camera_to_image(photo.pose, photo.K, photo.root_depth)[:, :2]
        assert np.abs(projected - photo.joints).max() < 10
        inside = (photo.joints >= photo.box[:2]) & (photo.joints <= photo.box[2:])
        assert inside.all()
    photos = list(read.lspet(root))[:2]
    detector = Detector(['configs/xas_mocap.py'], dict(type='GrabCutSegmenter'))
    detector.inferencer.model.head.init_weights()
    monkeypatch.setattr(detector.masks, '_segmenter', SquareSegmenter())
    found = detector.predict(photos)
    assert len(detector.masks.seconds) == detector.photos == 2 and detector.seconds > 0
    for decoding, predictions in found.items():
        for photo, prediction in zip(photos, predictions, strict=True):
            centre, side = (photo.box[:2] + photo.box[2:]) / 2, 1.25 * (photo.box[2:] - photo.box[:2]).max()
            assert prediction.poses.shape == (3, 18, 3) and prediction.counted[0]
            assert np.abs(prediction.poses[..., :2] - centre).max() < (0.05 if decoding == 'eq. 2' else 0.5) * side


class SquareSegmenter:
    """Takes the whole image for the body."""

    def segment(self, image, box=None):
        return np.ones(image.shape[:2], bool)
