"""The builder on the shipped human in place of MakeHuman's: with hanging arms, it must come back in its T pose."""
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from body_model_building import free_human, human_rig
from body_model_building.human_rig import INDEX, JOINTS

from mmxas.body_models import SMPLBodyModel

FINGERS = {'finger-2-1': 'index', 'finger-3-1': 'middle', 'finger-4-1': 'ring', 'finger-5-1': 'pinky'}
BONES = {
    'pelvis': 'root', 'spine1': 'spine04', 'spine2': 'spine02', 'spine3': 'spine01', 'neck': 'neck01', 'head': 'head',
    'hip': 'upperleg01', 'knee': 'lowerleg01', 'ankle': 'foot', 'foot': 'toe1-1', 'collar': 'clavicle',
    'shoulder': 'upperarm01', 'elbow': 'lowerarm01', 'wrist': 'wrist', 'hand': 'finger1-1',
}


class PosedHuman(free_human.MakeHumanSource):
    """The shipped human in an A pose, two of its shape coefficients driven by a phenotype."""

    def __init__(self) -> None:
        self.model = SMPLBodyModel()
        with np.load(self.model.model_path) as arrays:
            self.mirror = arrays['vertex_mirror'].astype(int)
            self.regressor = arrays['J_regressor']
        self.base = SimpleNamespace(uv=self.model.uv)
        self.faces, self.uv_faces = self.model.faces, self.model.uv_faces
        self.cubes = self._cubes()
        self.bones = {self._bone(name): weights for name, weights in zip(JOINTS, self.model.skinning_weights.numpy().T)}
        self.pose = torch.zeros(1, 24, 3)
        for side, sign in (('left', 1), ('right', -1)):
            self.pose[0, INDEX[f'{side}_shoulder'], 2] = -0.7 * sign
            self.pose[0, INDEX[f'{side}_elbow'], 1] = -0.3 * sign

    def shape(self, phenotype) -> np.ndarray:
        betas = torch.tensor([[4 * phenotype.height - 2, 4 * phenotype.weight - 2]], dtype=torch.float32)
        return self.model(self.pose, betas).vertices[0].double().numpy()

    def stature(self, phenotype) -> float:
        return 1.5 + 0.4 * phenotype.height

    def _cubes(self) -> dict[str, np.ndarray]:
        cubes = {cube: np.flatnonzero(row) for name, row in zip(JOINTS, self.regressor)
                 for cube in human_rig.cubes_of_joint(name)}
        for side in 'lr':
            cubes |= {f'joint-{side}-{cube}': np.array([self.model.vertex_ids[side + tip]])
                      for cube, tip in FINGERS.items()}
        return cubes

    @staticmethod
    def _bone(joint: str) -> str:
        side, _, rest = joint.partition('_')
        return f'{BONES[rest]}.{side[0].upper()}' if rest else BONES[joint]


@pytest.fixture(scope='module')
def source():
    return PosedHuman()


@pytest.fixture(scope='module')
def topology(source):
    return free_human.build_topology(source, 5900)


def test_topology_is_symmetric_and_textured(source, topology):
    assert len(topology.base_vertices) in (5899, 5900)
    np.testing.assert_array_equal(topology.mirror[topology.mirror], np.arange(len(topology.mirror)))
    np.testing.assert_array_equal(source.mirror[topology.base_vertices], topology.base_vertices[topology.mirror])
    np.testing.assert_allclose(topology.weights, topology.weights[topology.mirror][:, human_rig.TWINS])
    np.testing.assert_allclose(topology.weights.sum(1), 1)
    assert (topology.weights > 0).sum(1).max() <= 4
    labels = topology.weights.argmax(1)
    assert (labels == source.model.part_labels[topology.base_vertices]).mean() > 0.95
    assert topology.uv_faces.shape == topology.faces.shape and len(topology.uv) < len(source.model.uv)
    edges = np.linalg.norm(topology.uv[topology.uv_faces] - topology.uv[np.roll(topology.uv_faces, 1, 1)], axis=2)
    assert edges.max() < 0.1


@pytest.mark.slow
def test_a_posed_human_comes_back_in_its_t_pose(source, topology):
    regressor = source.regressor[:, topology.base_vertices]
    regressor = regressor / regressor.sum(1, keepdims=True)
    build = partial(free_human.build_gender, source, topology, regressor, 'neutral',
                    num_samples=16, num_betas=2, seed=0)
    arrays, figures = build()
    offsets = np.linalg.norm(arrays['v_template'] - source.model.v_template.numpy()[topology.base_vertices], axis=1)
    for part, tolerance in {'spine2': 0.005, 'head': 0.005, 'left_knee': 0.005, 'right_elbow': 0.015}.items():
        assert offsets[arrays['part_labels'] == INDEX[part]].mean() < tolerance, part
    joints = arrays['J_regressor'] @ arrays['v_template']
    for side in ('left', 'right'):
        arm = joints[[INDEX[f'{side}_{name}'] for name in ('shoulder', 'elbow', 'wrist')]]
        assert np.ptp(arm[:, 1]) < 0.01 and np.ptp(arm[:, 2]) < 0.01 and np.ptp(arm[:, 0]) > 0.4
    np.testing.assert_allclose(arrays['J_regressor'].sum(1), 1, atol=1e-6)
    assert arrays['shapedirs'].shape == (*arrays['v_template'].shape, 2) and arrays['shapedirs'].dtype == np.float16
    assert arrays['beta_names'][0] == 'stature' and 'posedirs' not in arrays
    assert figures['explained'] > 0.99 and figures['joint_error_mean_mm'] < 1
    assert figures['stature_mean_m'] == pytest.approx(1.70, abs=0.08)
    again, _ = build()
    assert all(np.array_equal(arrays[key], again[key]) for key in arrays)


def test_the_a_pose_regressor_keeps_joints_at_their_cubes(source, topology, monkeypatch):
    monkeypatch.setattr(free_human, '_REGRESSOR_SAMPLES', 8)
    rows = free_human.fit_a_pose_regressor(source, topology, seed=0)
    shape = source.shape(free_human.Phenotype())
    errors = np.linalg.norm(
        rows @ shape[topology.base_vertices] - human_rig.joint_positions(shape, source.cubes), axis=1)
    assert errors.mean() < 0.01 and (rows >= 0).all()


def test_body_measures_of_known_changes():
    model = SMPLBodyModel()
    vertices = model.v_template.double().numpy()[None]
    with np.load(model.model_path) as arrays:
        joints = arrays['J_regressor'] @ vertices
    plain = free_human.body_measures(vertices, joints, model.faces)
    doubled = free_human.body_measures(2 * vertices, 2 * joints, model.faces)
    wide = free_human.body_measures(vertices * [2, 1, 1], joints * [2, 1, 1], model.faces)
    for name in plain:
        assert doubled[name] == pytest.approx(plain[name] * (2 if name in ('stature', 'girth') else 1))
    assert wide['stature'] == pytest.approx(plain['stature'])
    assert wide['girth'] == pytest.approx(plain['girth'] * 2 ** 0.5)
    assert 0.4 < plain['leg_to_stature'] < 0.55
