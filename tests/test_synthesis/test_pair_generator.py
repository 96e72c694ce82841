import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest

from mmxas.ops.boxes import mask_box
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import BODY_MODELS
from mmxas.structures import Skeleton
from mmxas.synthesis.pair_generator import PairGenerator


def pixels(pair):
    return camera_to_image(pair.keypoints_cam.astype(np.float64), pair.K.astype(np.float64))[:, :2]


def test_shapes_types_and_values(generator):
    pair = generator.generate(0)
    assert pair.image.shape == (64, 64, 3) and pair.image.dtype == np.uint8
    assert pair.mask.shape == (64, 64) and set(np.unique(pair.mask)) == {0, 255}
    assert pair.keypoints_cam.shape == (18, 3) and pair.keypoints_cam.dtype == np.float32
    assert pair.K.shape == (3, 3) and pair.K.dtype == np.float32
    np.testing.assert_array_equal(pair.bbox, mask_box(pair.mask))
    assert (pair.clip, pair.frame, pair.body) == ('', -1, 0)
    assert pair.pose.shape == (24, 3) and pair.betas.shape == (10,)


@pytest.mark.parametrize('name', ['generator', 'target_generator'])
def test_a_pair_depends_on_seed_and_index_alone(name, request):
    generator = request.getfixturevalue(name)
    first, _, again = generator.generate(3), generator.generate(5), generator.generate(3)
    for field, value in asdict(first).items():
        np.testing.assert_array_equal(value, getattr(again, field), err_msg=field)
    assert (first.image != generator.generate(4).image).any()


def test_keypoints_lie_inside_the_mask(generator):
    inside = []
    for i in range(12):
        pair = generator.generate(i)
        uv = pixels(pair)
        x0, y0, x1, y1 = pair.bbox
        assert (uv > [x0 - 1.5, y0 - 1.5]).all() and (uv < [x1 + 0.5, y1 + 0.5]).all()
        col, row = np.rint(uv[[0, 1, 4, 7, 8, 17]]).astype(int).T
        inside.append((pair.mask[row, col] > 0).mean())
    assert np.mean(inside) > 0.97


def test_context_around_the_body(generator):
    for i in range(4):
        x0, y0, x1, y1 = generator.generate(i).bbox
        assert max(x1 - x0, y1 - y0) == pytest.approx(64 / 1.875, abs=2)
        assert [x0 + x1, y0 + y1] == pytest.approx([64, 64], abs=2)


def test_root_box_is_a_cube_of_box_mm_around_the_root(synthetic_config):
    pair = PairGenerator.from_config(synthetic_config, crop='root_box', box_mm=2000.0).generate(1)
    np.testing.assert_allclose(pixels(pair)[0], [31.5, 31.5], atol=1e-3)
    assert 64 * pair.keypoints_cam[0, 2] / pair.K[0, 0] == pytest.approx(2000, rel=1e-4)


def test_a_camera_within_the_body_is_drawn_again(synthetic_config):
    near = PairGenerator.from_config(synthetic_config, camera=dict(type='SampledCamera', distance=(50, 3000)))
    indices = range(60)
    firsts = [near.camera.sample(near._streams(i)['camera']).t[2] for i in indices]
    depths = [near.generate(i).keypoints_cam[0, 2] for i in indices]
    again = [i for i in indices if abs(depths[i] - firsts[i]) > 1]
    assert again and max(firsts[i] for i in again) < 1000
    assert all(depths[i] == near.generate(i).keypoints_cam[0, 2] for i in again)
    with pytest.raises(ValueError, match='in front of the camera'):
        PairGenerator.from_config(synthetic_config, camera=dict(type='SampledCamera', distance=(5, 6))).generate(0)


def test_a_film_keeps_its_camera(synthetic_config):
    near = dict(type='SampledCamera', distance=(50, 3000))
    generators = (PairGenerator.from_config(synthetic_config, camera=near, seed=seed) for seed in range(100))
    generator = next(g for g in generators if g.camera.sample(g._streams(0)['camera']).t[2] < 100)
    generator.generate(0)
    film = PairGenerator.from_config(synthetic_config, camera=near, seed=generator.seed, fixed_scene=True)
    with pytest.raises(ValueError, match='in front of the camera'):
        film.generate(0)


def test_another_appearance_keeps_pose_and_camera(generator, synthetic_config):
    other = PairGenerator.from_config(synthetic_config, appearance=dict(type='PaintedClothes'), light=None)
    one, two = generator.generate(2), other.generate(2)
    np.testing.assert_array_equal(one.keypoints_cam, two.keypoints_cam)
    np.testing.assert_array_equal(one.mask, two.mask)
    assert (one.image != two.image).any()


def test_hair_changes_the_outline_and_nothing_else(synthetic_config):
    look = dict(type='DressedBody', body=dict(type='PartSegmentation'), chances=dict(hair=1.0))
    bare, dressed = (PairGenerator.from_config(synthetic_config, image_size=256, appearance=appearance)
                     for appearance in (dict(type='PartSegmentation'), look))
    grown = 0
    for i in range(4):
        a, b = bare.generate(i), dressed.generate(i)
        np.testing.assert_array_equal(a.keypoints_cam, b.keypoints_cam)
        assert not ((a.mask > 0) & (b.mask == 0)).any(), 'the body is still there'
        added = np.argwhere((b.mask > 0) & (a.mask == 0))
        grown += len(added)
        head = pixels(a)[[9, 10]].mean(0)[::-1]
        assert (np.linalg.norm(added - head, axis=1) < 0.4 * np.linalg.norm(a.bbox[2:] - a.bbox[:2])).all()
    assert grown > 80


def test_the_seed_changes_everything(generator, synthetic_config):
    other = PairGenerator.from_config(synthetic_config, seed=1)
    assert (generator.generate(0).pose != other.generate(0).pose).any()


def test_background_fills_what_the_body_leaves(synthetic_config):
    synthetic_config |= dict(background=dict(type='PlainBackground', color=(10, 20, 30)), type='ignored')
    pair = PairGenerator.from_config(synthetic_config).generate(0)
    corner = np.ones((64, 64), bool)
    x0, y0, x1, y1 = pair.bbox.astype(int)
    corner[y0 - 2:y1 + 2, x0 - 2:x1 + 2] = False
    assert (pair.image[corner] == [10, 20, 30]).all()
    assert (pair.image[pair.mask > 0] != [10, 20, 30]).any(1).mean() > 0.95


def test_frames_and_clips_of_recorded_poses(target_generator):
    pairs = [target_generator.generate(i) for i in range(3)]
    source = target_generator.pose_source
    for i, pair in enumerate(pairs):
        row = source.row(i)
        assert pair.clip == source.clip_names[source.clip[row]] and pair.frame == source.frame[row]
        np.testing.assert_array_equal(pair.pose, source.pose[row])


def test_a_fixed_scene_changes_the_pose_alone(synthetic_config):
    film = PairGenerator.from_config(
        synthetic_config, pose_source=dict(type='MocapPoses', clips=['run']), fixed_scene=True, crop='root_box')
    first, second = film.generate(0), film.generate(7)
    assert (first.pose != second.pose).any() and (first.frame, first.clip) != (second.frame, second.clip)
    np.testing.assert_array_equal(first.betas, second.betas)
    np.testing.assert_array_equal(first.K, second.K)
    assert (first.body, first.yaw) == (second.body, second.yaw)
    behind = (first.mask == 0) & (second.mask == 0)
    assert (first.image[behind] == second.image[behind]).mean() > 0.9  # edges are blended with the body


def test_bodies_are_chosen_at_random(synthetic_config):
    body = synthetic_config.pop('body_model')
    generator = PairGenerator(**synthetic_config, body_model=[body, body])
    assert {generator.generate(i).body for i in range(8)} == {0, 1}


def test_keypoints_without_rendering_are_those_of_the_pairs(generator):
    keypoints, clips = generator.body_keypoints([4, 2], chunk=1)
    pair = generator.generate(2)
    assert keypoints.shape == (2, 18, 3) and clips.tolist() == ['', '']

    def limbs(points):
        return np.linalg.norm(points - points[0], axis=1)

    np.testing.assert_allclose(limbs(keypoints[1]), limbs(pair.keypoints_cam), atol=0.1)


@pytest.mark.parametrize('change, message', [
    (dict(crop='box'), "crop='box'"), (dict(margin=0.9), 'margin=0.9'), (dict(image_size=4), 'image_size=4')])
def test_wrong_options_are_named(synthetic_config, change, message):
    with pytest.raises(ValueError, match=message):
        PairGenerator.from_config(synthetic_config | change)


@pytest.mark.parametrize('role, given, kind', [
    ('appearance', 'PlainBackground', 'appearance'), ('background', 'PartSegmentation', 'background'),
    ('light', 'NoiseBackground', 'light')])
def test_a_component_of_another_kind_is_refused_when_it_is_built(synthetic_config, role, given, kind):
    with pytest.raises(KeyError, match=f'{given} is not in the mmpose::{kind} registry'):
        PairGenerator.from_config(synthetic_config | {role: dict(type=given)})


def test_skeleton_and_joints_must_fit(synthetic_config, tmp_path):
    with pytest.raises(ValueError, match="'two' has the 2 keypoints.*18"):
        PairGenerator.from_config(synthetic_config, skeleton=Skeleton('two', ('a', 'b'), (0, 0), ()))
    prior = tmp_path / 'p.json'
    prior.write_text(json.dumps(dict(joints=['a', 'b'], limits={}, shape=dict(width=1, components=2))))
    with pytest.raises(ValueError, match='2 joints, the body model 24'):
        PairGenerator.from_config(synthetic_config,
                                  pose_source=dict(type='TruncatedGaussianPrior', file=str(prior)))


def test_an_appearance_that_does_not_fit_a_body_is_refused_at_once(synthetic_config, tmp_path):
    """A female body without textures of her own, beside a male one that has some; and a body without texture points."""
    (tmp_path / 'male').mkdir()
    cv2.imwrite(str(tmp_path / 'male/a.png'), np.zeros((4, 4, 3), np.uint8))
    bodies = [dict(type='SMPLBodyModel', gender=gender) for gender in ('male', 'female')]
    textures = dict(type='UVTexture', folder=str(tmp_path), by_gender=True)
    PairGenerator.from_config(synthetic_config, body_model=bodies[:1], appearance=textures)
    with pytest.raises(FileNotFoundError, match="no texture in '.*female'"):
        PairGenerator.from_config(synthetic_config, body_model=bodies, appearance=textures)
    with np.load(BODY_MODELS.build(bodies[0]).model_path) as arrays:
        np.savez(tmp_path / 'bare.npz', **{key: arrays[key] for key in arrays.files if key not in ('vt', 'ft')})
    bare = dict(type='SMPLBodyModel', model_path=str(tmp_path / 'bare.npz'), gender='male')
    with pytest.raises(ValueError, match=r'no texture coordinates .* name a file of them as its `uv`'):
        PairGenerator.from_config(synthetic_config, body_model=bare, appearance=textures)


def test_data_files_of_all_parts(target_generator, synthetic_config):
    names = {path.name for path in target_generator.data_files}
    assert {'FREE_NEUTRAL.npz', 'mocap_poses.npz', 'smpl_clothes.json', 'flower.jpg'} <= names
    choice = dict(type='OneOf', choices=[dict(type='PhotoBackground'), dict(type='PlainBackground')])
    files = PairGenerator.from_config(synthetic_config, background=choice).data_files
    assert len(files) == 10 and all(path.is_file() for path in files)
