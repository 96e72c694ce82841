import numpy as np
import pytest
from tiny_body import tiny_arrays, write_tiny_body

from mmxas.body_models.rigged_body_model import RiggedBodyModel
from mmxas.io.shipped_files import find_shipped
from mmxas.species.derived_skeleton import body_size, derive_skeleton, mirror_partners, rest_points, size_warning


def test_joints_and_landmarks_become_keypoints(body):
    skeleton = derive_skeleton(body, 'boxes')
    assert skeleton.keypoints == ('root', 'chest', 'head', 'kneeL', 'kneeR', 'footL', 'footR', 'nose')
    assert skeleton.parents == (0, 0, 1, 0, 0, 3, 4, 2)
    assert skeleton.flip_pairs == ((3, 4), (5, 6))


def test_near_joints_are_left_out_on_both_sides(body):
    assert body_size(body) == pytest.approx(1.14)
    skeleton = derive_skeleton(body, 'boxes', min_length=0.28)  # 0.32 m: knees are 0.335 from the root, feet 0.304 on
    assert skeleton.keypoints == ('root', 'chest', 'head', 'kneeL', 'kneeR', 'nose')
    assert derive_skeleton(body, 'boxes', min_length=0.3).keypoints == (
        'root', 'chest', 'head', 'footL', 'footR', 'nose')


def test_a_landmark_hides_a_joint_of_its_name(tmp_path):
    path = write_tiny_body(tmp_path, vertex_names=np.array(['head']))
    skeleton = derive_skeleton(RiggedBodyModel(path), 'boxes')
    assert skeleton.keypoints[-1] == 'head' and skeleton.num_keypoints == 7
    assert skeleton.parents[-1] == skeleton.keypoints.index('chest')
    assert rest_points(RiggedBodyModel(path)).landmark.sum() == 1


def test_joints_alone_will_do(tmp_path):
    arrays = {key: value for key, value in tiny_arrays().items() if not key.startswith('vertex_')}
    np.savez(tmp_path / 'body.npz', **arrays)
    skeleton = derive_skeleton(RiggedBodyModel(tmp_path / 'body.npz'), 'boxes')
    assert skeleton.keypoints == ('root', 'chest', 'head', 'kneeL', 'kneeR', 'footL', 'footR')
    assert skeleton.flip_pairs == ((3, 4), (5, 6))


@pytest.mark.parametrize(('factor', 'size'), [(100, '114'), (0.01, '0.0114')])
def test_a_body_in_another_unit_is_warned_of(body_file, body, factor, size):
    assert size_warning(body) == ''
    assert size_warning(RiggedBodyModel(body_file, metres_per_unit=factor)) == (
        f'{body_file}: body {size} m long, 0.02 to 30 m expected; write the file in metres')


def test_partners():
    points = np.array([[0.0, 1, 0], [0.2, 0, 0], [-0.21, 0, 0], [0.5, 0, 0]])
    assert mirror_partners(points, 0.02).tolist() == [0, 2, 1, -1]
    assert mirror_partners(points, 0.005).tolist() == [0, -1, -1, -1]
    assert mirror_partners(np.zeros((0, 3)), 0.02).shape == (0,)
    assert mirror_partners(points, 0.02, plane_tolerance=0.6).tolist() == [0, 1, 2, 3]


def test_a_point_without_partner_is_named(tmp_path):
    vertices = tiny_arrays()['v_template']
    with pytest.raises(ValueError, match=r"body.npz: 'nose' lies \+0.120 m beside .* give the skeleton yourself"):
        derive_skeleton(RiggedBodyModel(write_tiny_body(tmp_path, v_template=vertices)), 'boxes')
    vertices[tiny_arrays()['vertex_index'], 0] = 0
    table = tiny_arrays()['kintree_table']
    table[0, 6] = 3  # the right foot hangs on the left knee
    path = write_tiny_body(tmp_path, v_template=vertices, kintree_table=table)
    with pytest.raises(ValueError, match="'footR' mirror each other, but their parents 'kneeL' and 'kneeL'"):
        derive_skeleton(RiggedBodyModel(path), 'boxes')


def test_the_free_body_of_the_project():
    skeleton = derive_skeleton(RiggedBodyModel(find_shipped('projects/animal/data/FREE_DOG.npz')), 'derived')
    parent = {name: skeleton.keypoints[skeleton.parents[i]] for i, name in enumerate(skeleton.keypoints)}
    assert 28 <= skeleton.num_keypoints <= 40 and len(skeleton.flip_pairs) >= 9
    assert (parent['withers'], parent['throat'], parent['nose']) == ('Neck', 'Neck', 'Head')
    assert parent['left_front_toes'] == 'LLeg3' and parent['tail_tip'].startswith('Tail')
