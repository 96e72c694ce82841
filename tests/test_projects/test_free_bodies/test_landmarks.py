import numpy as np
import pytest
from body_model_building import landmarks
from body_model_building.human_rig import INDEX

from mmxas.body_models import SMPLBodyModel, read_body_model


@pytest.fixture(scope='module')
def human():
    model = read_body_model(SMPLBodyModel.FAMILY.find('free', 'male'))
    with np.load(model.path) as arrays:
        return model, arrays['vertex_mirror'].astype(int)


def test_landmarks_of_the_shipped_human_are_found_again(human):
    model, mirror = human
    joints = model.joint_regressor @ model.v_template
    found = landmarks.landmark_vertices(model.v_template, model.skinning_weights, joints, model.faces, mirror)
    assert found == model.vertex_ids and len(found) == 22
    at = model.v_template[list(found.values())]
    places = dict(zip(found, at))
    assert places['head_top'][1] == model.v_template[:, 1].max()
    assert places['LBigToe'][2] > places['LHeel'][2] + 0.2 and places['LSmallToe'][0] > places['LBigToe'][0]
    assert np.linalg.norm(places['lindex'] - joints[INDEX['left_wrist']]) > 0.12


def test_a_hand_without_fingers_is_refused(human):
    model, mirror = human
    joints = model.joint_regressor @ model.v_template
    flat = model.v_template * [1, 1, 0]
    with pytest.raises(ValueError, match='4 finger tips expected'):
        landmarks.landmark_vertices(flat, model.skinning_weights, joints, model.faces, mirror)


def test_h36m_rows_are_means_of_joints_and_landmarks():
    regressor = np.zeros((24, 30))
    regressor[np.arange(24), np.arange(24)] = 1
    rows = dict(zip(landmarks.H36M_ROWS, landmarks.h36m_regressor(regressor, {'nose': 28, 'head_top': 29})))
    assert np.flatnonzero(rows['root']).tolist() == [INDEX['left_hip'], INDEX['right_hip']]
    assert rows['nose'][28] == pytest.approx(0.6) and rows['nose'][INDEX['head']] == pytest.approx(0.4)
    assert rows['head'][29] == 1 and rows['right_elbow'][INDEX['right_elbow']] == 1
    np.testing.assert_allclose([row.sum() for row in rows.values()], 1)
