"""The steps that build the dog and its motions, on small cases."""
import struct
from pathlib import Path

import numpy as np
import pytest
from dog_building import dog_rig, gaits, postures
from dog_building.dog_shapes import Body, accumulated
from dog_building.skin_file import read_places, read_skin, welded

ROOT = Path(__file__).parents[3]

INDEX = dog_rig.INDEX


def write_skin(path, quaternion=(1, 0, 0, 0), tail=b''):
    vertices = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]  # two triangles with a seam
    uv = [[0, 0], [1, 0], [0, 1], [.5, .5], [1, 1], [0, 1]]
    content = struct.pack('<4i', 6, 6, 2, 1) + np.array(vertices, '<f4').tobytes() + np.array(uv, '<f4').tobytes()
    content += np.array([[0, 1, 2], [3, 4, 5]], '<i4').tobytes() + b'torso'.ljust(40, b'\0')
    content += np.array([0, 0, 0, *quaternion], '<f4').tobytes() + struct.pack('<i', 2)
    content += np.array([1, 3], '<i4').tobytes() + np.array([.5, .5], '<f4').tobytes() + tail
    path.write_bytes(content)
    return path


def test_seams_are_welded_and_the_texture_keeps_them(tmp_path):
    skin = welded(read_skin(write_skin(tmp_path / 'a.skn')))
    assert len(skin.vertices) == 4 and len(skin.uv) == 5
    np.testing.assert_allclose(skin.vertices[skin.faces[1]], [[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    np.testing.assert_allclose(skin.uv[skin.uv_faces], [[[0, 0], [1, 0], [0, 1]], [[.5, .5], [1, 1], [0, 1]]])
    assert sorted(skin.bones['torso']) == [0, 0, 0, .5]


def test_other_skin_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match='4 bytes left over after 1 bones'):
        read_skin(write_skin(tmp_path / 'a.skn', tail=b'abcd'))
    with pytest.raises(ValueError, match="bone 'torso' is turned at rest"):
        read_skin(write_skin(tmp_path / 'b.skn', quaternion=(0, 1, 0, 0)))
    (tmp_path / 'c.skn').write_bytes((tmp_path / 'a.skn').read_bytes()[:60])
    with pytest.raises(ValueError, match='truncated'):
        read_skin(tmp_path / 'c.skn')


def test_places_accumulate_down_the_tree(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text('<m><worldbody><body name="a" pos="1 0 0"><joint pos="0 0 2"/><body name="b" pos="0 1 0"/></body>'
                    '</worldbody></m>')
    places = read_places(path)
    assert places.body['b'].tolist() == [1, 1, 0] and places.joint['a'].tolist() == [1, 0, 2]
    assert places.joint['b'].tolist() == [1, 1, 0]


@pytest.mark.parametrize('body, joint', [
    ('L_6', 'pelvis0'), ('Ca_1', 'Tail1'), ('Ca_21', 'Tail7'), ('hand_anchor_L', 'LLeg3'), ('toe_R', 'RFootBack'),
    ('scapula_L', 'Lscapula'), ('skull', 'Head')])
def test_every_bone_has_a_joint(body, joint):
    assert dog_rig.owner(body) == joint


def test_the_tree_is_smals():
    import json
    family = json.loads((ROOT / 'mmxas/body_models/data/smal.json').read_text())
    assert tuple(family['joint_names']) == dog_rig.JOINTS
    assert [dog_rig.twin(name) for name in ('LEar', 'RLegBack1', 'root')] == ['REar', 'LLegBack1', 'root']
    assert [dog_rig.PARENTS[twin] for twin in dog_rig.TWINS][8] == INDEX['RLeg1']


def test_shapes_carry_what_hangs_below():
    joints = np.zeros((35, 3))
    joints[INDEX['LLeg2']], joints[INDEX['LLeg3']] = [0, 0, -1], [0, 0, -2]
    weights = np.eye(35)[[INDEX['LLeg2'], INDEX['LLeg3']]]
    body = Body(np.array([[0, 0, -1.5], [0, 0.5, -2.5]]), joints, weights, np.zeros((2, 3)))
    shape = accumulated(body, {'LLeg2': np.diag([0, 0, 1.0])})
    np.testing.assert_allclose(shape.vertices, [[0, 0, -0.5], [0, 0, -1]])
    np.testing.assert_allclose(shape.joints[INDEX['LLeg3']], [0, 0, -1])
    np.testing.assert_allclose(shape.joints[INDEX['LLeg2']], 0)


def test_a_gait_couples_the_legs():
    """In a trot diagonal legs move together, in a pace those of a side; all repeat after a stride."""
    for name, partner in (('trot', 'RLegBack1'), ('pace', 'LLegBack1')):
        gait = gaits.GAITS[name]
        pose = gaits.run_gait(gait, 4 * gait.stride, 40 / gait.stride)
        front, hind, other = (pose[:, INDEX[joint], 1] for joint in ('LLeg1', partner, 'RLeg1'))
        assert np.corrcoef(front, hind)[0, 1] > 0.9 and np.corrcoef(front, other)[0, 1] < -0.9
        np.testing.assert_allclose(pose[:40], pose[40:80], atol=1e-9)


def test_a_leg_bends_in_the_air_only():
    gait = gaits.GAITS['walk']
    pose = gaits.run_gait(gait, gait.stride, 100 / gait.stride)
    knee = pose[:, INDEX['LLegBack2'], 1]
    assert np.ptp(knee[:50]) == 0 and knee[75] == pytest.approx(gait.hind[1] + gait.crouch)
    assert pose[0, INDEX['LLegBack1'], 1] < 0 < pose[50, INDEX['LLegBack1'], 1], 'forward, then back'


def test_a_posture_stands_for_both_sides():
    angles = postures.posture_angles({'LegBack1': (10, -50, 3), 'LLegBack1': (0, -80, 0), 'Leg2': -5})
    assert angles[INDEX['RLegBack1']].tolist() == [-10, -50, -3] and angles[INDEX['LLegBack1']].tolist() == [0, -80, 0]
    assert angles[INDEX['LLeg2'], 1] == angles[INDEX['RLeg2'], 1] == -5
    with pytest.raises(KeyError):
        postures.posture_angles({'Wing': 3})


def test_performances_differ_and_stay_smooth():
    takes = [postures.play('sit', 20, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(takes[0], takes[1])
    assert takes[2].shape != takes[0].shape or not np.allclose(takes[2], takes[0])
    step = np.abs(np.diff(takes[0], axis=0)).max()
    assert step < 25, 'degrees a frame'
    again = postures.mirrored(postures.mirrored(takes[0]))
    np.testing.assert_array_equal(again, takes[0])


def test_the_motions_are_those_of_the_tool():
    import build_dog_motions
    motions = np.load(ROOT / 'projects/animal/data/dog_motions.npz')
    packed = build_dog_motions.pack(build_dog_motions.make_clips(20.0, 0), 20.0)
    np.testing.assert_array_equal(packed['pose'], motions['pose'])
    assert list(packed['clip_names']) == list(motions['clip_names'])


def test_only_the_files_of_that_release_are_taken(tmp_path):
    import zipfile

    import build_free_dog
    wheel = tmp_path / 'dm_control.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        for name in (*build_free_dog.FILES, 'dog_assets/BONEPelvis.stl'):
            archive.writestr(build_free_dog.INSIDE + name, 'x')
    with build_free_dog.unpacked(wheel) as suite:
        assert {path.name for path in suite.rglob('*.*')} == {'dog.xml', 'dog_skin.skn', 'skin_texture.png'}
        with pytest.raises(SystemExit, match='dog.xml: sha256 .* expected'):
            build_free_dog.check(suite)
    with pytest.raises(SystemExit, match='no such file; give the dm_control wheel'):
        build_free_dog.check(tmp_path)
