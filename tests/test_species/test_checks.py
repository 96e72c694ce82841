import json

import numpy as np
import pytest
from mmengine.config import Config
from tiny_body import tiny_arrays, write_tiny_body

from mmxas.species.checks import SpeciesChecker, check_config, keypoints_inside

NAMES = ['tree', 'one skeleton', 'limits', 'body', 'pairs', 'regressors', 'extremes', 'inside']


@pytest.fixture
def edit(project):
    """Changes a data file of the project."""

    def change(name, function):
        path = project / 'data' / f'{name}.json'
        content = json.loads(path.read_text())
        function(content)
        path.write_text(json.dumps(content))

    return change


@pytest.fixture
def verdict(project):
    """Verdict of one check, with those that it needs, on the project's config."""

    def run(name, needs=('tree', 'limits', 'body'), **body):
        config = Config.fromfile(project / 'configs/xas_boxes.py')
        config.train_dataloader.dataset.synthetic.generator.body_model[0].update(body)
        checker = SpeciesChecker(config, num_samples=2)
        chosen = {verdict.name: verdict for verdict in checker.run((*needs, name))}
        return chosen[name]

    return run


def test_a_new_project_passes(project):
    verdicts, sheet = check_config(Config.fromfile(project / 'configs/xas_boxes.py'), num_samples=3)
    assert [verdict.name for verdict in verdicts] == NAMES
    assert [verdict.message for verdict in verdicts if not verdict.passed] == []
    messages = {verdict.name: verdict.message for verdict in verdicts}
    assert messages['tree'] == '8 keypoints, 7 links, 2 pairs, root root'
    assert messages['limits'] == 'low <= mean <= high on all axes; 21 of 21 axes move'
    assert messages['body'] == '7 joints, 56 vertices, 2 shape components, body 1.14 m long'
    assert messages['regressors'].startswith('71 rows sum to one')  # 7 joints, 56 vertices, 8 keypoints
    assert messages['extremes'].startswith('42 limits and 3 samples; torn at most 0.00 %')
    assert messages['inside'].startswith('100.0 % of the keypoints in 3 pairs')
    assert sheet.shape[2] == 3 and sheet.dtype == np.uint8


def test_a_cycle_and_an_orphan(edit, verdict):
    edit('skeleton', lambda skeleton: skeleton['parents'].__setitem__(3, 5))
    found = verdict('pairs')
    assert (found.passed, found.message) == (None, 'not run: needs tree')
    assert 'has a cycle: kneeL -> footL -> kneeL' in verdict('tree').message
    edit('skeleton', lambda skeleton: skeleton['parents'].__setitem__(3, 3))
    assert "is disconnected: 'kneeL' does not reach the root 'root'" in verdict('tree').message


def test_a_pair_that_is_not_mutual_or_does_not_mirror(project, edit, verdict):
    edit('skeleton', lambda skeleton: skeleton.update(flip_pairs=[['kneeL', 'kneeR'], ['kneeL', 'footR']]))
    assert "'kneeL' is paired with 'footR' and with 'kneeR'" in verdict('tree').message
    edit('skeleton', lambda skeleton: skeleton.update(flip_pairs=[['kneeL', 'kneeR'], ['footR', 'footL']]))
    assert 'footR lies on the right of footL at rest; a pair is (left, right)' in verdict('pairs').message
    edit('skeleton', lambda skeleton: skeleton.update(flip_pairs=[['kneeL', 'kneeR']]))
    assert 'footL (no twin) hangs on kneeL (twin kneeR); twins hang on twins' in verdict('pairs').message
    edit('skeleton', lambda skeleton: skeleton.update(flip_pairs=[['kneeL', 'kneeR'], ['footL', 'footR']]))
    vertices = tiny_arrays()['v_template']
    vertices[-8:, 1] -= 0.1
    vertices[tiny_arrays()['vertex_index'], 0] = 0
    found = verdict('pairs', model_path=str(write_tiny_body(project, v_template=vertices)))
    assert 'lies 100 mm beside the mirror image of foot' in found.message


def test_limits_out_of_order_and_of_no_use(edit, verdict):
    edit('pose_prior', lambda prior: prior['limits']['head'].update(z=[10, 0, -10]))
    assert 'head.z = [10, 0, -10], expected [low, mean, high]' in verdict('limits').message
    assert verdict('extremes').message == 'not run: needs limits'
    edit('pose_prior', lambda prior: prior.update(limits={}))
    assert 'no joint can move' in verdict('limits').message


def test_a_body_of_other_keypoints_or_joints(edit, verdict):
    edit('keypoints', lambda content: content['keypoints'].pop('head'))
    found = verdict('body', ('tree', 'limits'))
    assert not found.passed and 'gives 7 keypoints, the skeleton has 8; only one has head' in found.message


def test_a_body_in_cm_is_warned_of(verdict):
    found = verdict('body', ('tree', 'limits'), metres_per_unit=100)
    assert found.passed and 'body 114.00 m long; WARNING: ' in found.message


def test_rows_that_do_not_sum_to_one(project, verdict):
    regressor = tiny_arrays()['J_regressor']
    regressor[5] *= 1.005  # what differs by more is not even read
    found = verdict('regressors', model_path=str(write_tiny_body(project, J_regressor=regressor)))
    assert not found.passed and 'row footL of J_regressor sums to 1.0050; 1 expected' in found.message


def test_a_prior_that_tears_the_body(project, edit, verdict):
    weights = tiny_arrays()['weights']
    weights[:4] = np.eye(7)[2]  # half of the trunk follows the head
    edit('pose_prior', lambda prior: prior['limits']['head'].update(x=[-120, 0, 120]))
    found = verdict('extremes', model_path=str(write_tiny_body(project, weights=weights)))
    assert not found.passed and found.message.endswith('narrow the limits')
    assert 'the first is head x -120; of 42 limits and 2 samples' in found.message


def test_another_skeleton_somewhere(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    config.model.losses.facing.skeleton = 'h36m18'
    found = {verdict.name: verdict for verdict in SpeciesChecker(config).run(['tree', 'one skeleton'])}
    assert found['one skeleton'].message.startswith(
        "model.losses.facing has the skeleton 'h36m18' with 18 keypoints, but model.skeleton is 'boxes'")
    config.model.losses.facing.skeleton = config.model.skeleton
    config.val_evaluator.skeleton = 'h36m18'
    found = {verdict.name: verdict for verdict in SpeciesChecker(config).run(['tree', 'one skeleton'])}
    assert found['one skeleton'].message.startswith(
        "val_evaluator has the skeleton 'h36m18' with 18 keypoints, but model.skeleton is 'boxes'")
    config.val_evaluator.skeleton = config.model.skeleton
    config.model.head.num_keypoints = 9
    found = {verdict.name: verdict for verdict in SpeciesChecker(config).run(['tree', 'one skeleton'])}
    assert found['one skeleton'].message == 'model.head.num_keypoints is 9; 8 expected'


def test_keypoints_outside_the_mask():
    mask = np.zeros((100, 100), np.uint8)
    mask[40:60, 40:60] = 255
    pixels = np.array([[50, 50], [38.4, 50], [36, 50], [-1, 50], [50, 120]])
    assert keypoints_inside(mask, pixels).tolist() == [True, True, False, False, False]
