import numpy as np
import pytest
from body_model_building import human_rig
from body_model_building.human_rig import INDEX, JOINTS, PARENTS

from mmxas.body_models import SMPLBodyModel


def test_the_tree_is_that_of_the_layer():
    assert SMPLBodyModel.FAMILY.joint_names == JOINTS
    assert SMPLBodyModel().parents == PARENTS
    assert [JOINTS[t] for t in human_rig.TWINS[:4]] == ['pelvis', 'right_hip', 'left_hip', 'spine1']
    assert human_rig.twin('head') == 'head' and human_rig.twin('right_wrist') == 'left_wrist'


BONES = {
    'root': 'pelvis', 'pelvis.L': 'pelvis', 'spine05': 'pelvis', 'spine03': 'spine1', 'breast.R': 'spine2',
    'spine01': 'spine3', 'neck02': 'neck', 'upperleg01.L': 'left_hip', 'lowerleg02.R': 'right_knee',
    'foot.L': 'left_ankle', 'toe3-2.R': 'right_foot', 'clavicle.L': 'left_collar',
    'shoulder01.R': 'right_collar', 'upperarm02.L': 'left_shoulder', 'lowerarm01.R': 'right_elbow',
    'wrist.L': 'left_wrist', 'metacarpal2.R': 'right_wrist', 'finger4-3.L': 'left_hand',
    'jaw': 'head', 'orbicularis03.L': 'head',
}


def test_bones_belong_to_joints():
    assert {bone: human_rig.joint_of_bone(bone) for bone in BONES} == BONES


def test_cubes_of_joints():
    assert human_rig.cubes_of_joint('right_collar') == ['joint-r-clavicle', 'joint-r-scapula']
    assert human_rig.cubes_of_joint('left_hand')[0] == 'joint-l-finger-2-1'
    cubes = {name: np.array([i]) for i, name in enumerate({c for j in JOINTS for c in human_rig.cubes_of_joint(j)})}
    vertices = np.arange(len(cubes), dtype=float)[:, None] * [1, 10, 100]
    joints = human_rig.joint_positions(vertices, cubes)
    assert joints.shape == (24, 3)
    pair = [cubes['joint-spine-2'][0], cubes['joint-spine-1'][0]]
    np.testing.assert_allclose(joints[INDEX['spine3']], np.mean(pair) * np.array([1, 10, 100]))


def test_spine2_hands_over_to_spine3_around_its_height():
    heights = np.array([0.9, 1.0, 1.035, 1.1])
    bones = {'spine02': np.ones(4), 'jaw': np.array([0, 0, 0, 1.0]), 'unused': np.zeros(4)}
    weights = human_rig.joint_weights(bones, heights, spine3_height=1.0)
    np.testing.assert_allclose(weights[:, INDEX['spine3']], [0, 0.5, 0.84375, 0.5])
    np.testing.assert_allclose(weights[:, INDEX['head']], [0, 0, 0, 0.5])
    np.testing.assert_allclose(weights.sum(1), 1)


def test_at_most_four_influences_and_equals_stay_together():
    row = np.zeros((2, 24))
    row[0, :6] = 0.3, 0.25, 0.2, 0.15, 0.0995, 0.0005
    row[1, :6] = 0.4, 0.3, 0.1, 0.06666, 0.06667, 0.06667
    few = human_rig.few_influences(row)
    np.testing.assert_allclose(few[0, :5], np.array([0.3, 0.25, 0.2, 0.15, 0]) / 0.9)
    assert (few > 0).sum(1).tolist() == [4, 3] and few.sum(1) == pytest.approx([1, 1])


def test_symmetrised_weights_swap_vertices_and_joints():
    weights = np.zeros((2, 24))
    weights[0, INDEX['left_knee']], weights[1, INDEX['right_hip']] = 1, 1
    result = human_rig.symmetrised_weights(weights, np.array([1, 0]))
    assert result[0, INDEX['left_knee']] == result[0, INDEX['left_hip']] == result[1, INDEX['right_knee']] == 0.5
