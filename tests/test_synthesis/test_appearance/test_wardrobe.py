import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmxas.body_models import SMPLBodyModel
from mmxas.synthesis.appearance.wardrobe import face_frames, find_wardrobe, read_wardrobe


@pytest.fixture(scope='module')
def garments():
    return {garment.name: garment for garment in read_wardrobe('free_human_wardrobe')}


@pytest.fixture(scope='module')
def body():
    return SMPLBodyModel('free', gender='neutral')


def test_frames_are_right_handed_and_end_with_the_normal():
    vertices = np.array([[0.0, 0, 0], [2, 0, 0], [0, 3, 0]])
    np.testing.assert_allclose(face_frames(vertices, np.array([[0, 1, 2]]))[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(face_frames(vertices, np.array([[1, 2, 0]]))[0, 2], [0, 0, 1], atol=1e-12)


def test_a_garment_follows_a_rigid_motion_and_the_unit(garments, body):
    rest, faces = np.asarray(body.v_template, np.float64), np.asarray(body.faces)
    suit = garments['male_casualsuit01']
    turn = Rotation.from_euler('xyz', [0.3, -1.2, 2.0]).as_matrix()
    still = suit.place(rest, faces, 1.0)
    moved = suit.place(1000 * rest @ turn.T + 7, faces, 1000.0)
    np.testing.assert_allclose(moved, 1000 * still @ turn.T + 7, atol=1e-3)


def test_hair_is_on_the_head_and_shoes_on_the_feet(garments, body):
    rest, faces = np.asarray(body.v_template), np.asarray(body.faces)
    names, joints = list(body.joint_names), np.asarray(body.joint_template)
    hair = garments['short01'].place(rest, faces, 1.0)
    assert hair[:, 1].min() > joints[names.index('neck'), 1] and hair[:, 1].max() < rest[:, 1].max() + 0.12
    shoes = garments['shoes01'].place(rest, faces, 1.0)
    assert shoes[:, 1].max() < joints[names.index('left_knee'), 1] and shoes[:, 1].min() > rest[:, 1].min() - 0.05
    assert (shoes[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.02)


def test_a_suit_hides_what_lies_under_it_and_no_head(garments, body):
    hidden, weights = garments['male_elegantsuit01'].hidden, np.asarray(body.skinning_weights)
    share = {name: hidden[weights[:, list(body.joint_names).index(name)] > 0.5].mean()
             for name in ('head', 'left_foot', 'spine2', 'left_hip')}
    assert share == dict(head=0, left_foot=0, spine2=1, left_hip=1)


def test_an_unknown_wardrobe():
    with pytest.raises(FileNotFoundError, match='free_human_wardrobe'):
        find_wardrobe('winter')
