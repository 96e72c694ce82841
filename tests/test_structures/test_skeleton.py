import json

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmxas.structures import Skeleton, load_skeleton, require_same_skeleton

TOY = dict(name='toy', keypoints=['a', 'b', 'c', 'd'], parents=[0, 0, 1, 1], flip_pairs=[['c', 'd']])


def test_shipped_skeleton_is_the_papers():
    skeleton = load_skeleton('h36m18')
    assert skeleton.num_keypoints == 18
    assert skeleton.parents == (0, 0, 1, 2, 0, 4, 5, 0, 17, 8, 9, 17, 11, 12, 17, 14, 15, 7)
    assert skeleton.keypoints[17] == 'thorax' and skeleton.keypoints[11] == 'left_shoulder'
    assert skeleton.links[:3] == ((0, 1), (1, 2), (2, 3)) and len(skeleton.links) == 17
    assert skeleton.links[-1] == (7, 17)
    assert skeleton.drawn_links[17:] == ((7, 1), (7, 4), (7, 11), (7, 14), (0, 2), (0, 5), (1, 14), (4, 11))
    narrow = {link for link, factor in zip(skeleton.drawn_links, skeleton.width_factors) if factor == 2.0}
    assert narrow == {(11, 12), (12, 13), (14, 15), (15, 16)}
    assert set(skeleton.width_factors) == {1.0, 2.0}
    assert skeleton.flip_indices == (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13, 17)


def test_flip_indices_are_an_involution_and_colours_follow_the_side():
    skeleton = load_skeleton('h36m18')
    flip = np.array(skeleton.flip_indices)
    assert (flip[flip] == np.arange(18)).all()
    assert skeleton.colors[4] == skeleton.colors[11] == (0, 255, 0)
    assert skeleton.colors[1] == skeleton.colors[14] == (255, 128, 0)
    assert skeleton.colors[0] == (51, 153, 255)


def test_metainfo_is_read_by_mmpose():
    skeleton = load_skeleton('h36m18')
    parsed = parse_pose_metainfo(skeleton.to_metainfo())
    assert parsed['dataset_name'] == 'h36m18' and parsed['num_keypoints'] == 18
    assert tuple(parsed['flip_indices']) == skeleton.flip_indices
    assert tuple(map(tuple, parsed['skeleton_links'])) == skeleton.links
    assert parsed['keypoint_name2id']['left_wrist'] == 13
    assert parsed['keypoint_colors'].shape == (18, 3)


def test_round_trip_through_a_file(tmp_path):
    skeleton = load_skeleton('h36m18')
    path = tmp_path / 'copy.json'
    path.write_text(json.dumps(skeleton.to_dict()))
    assert load_skeleton(str(path)) == Skeleton.from_file(path) == skeleton
    assert load_skeleton(skeleton) is skeleton
    assert load_skeleton(TOY).flip_indices == (0, 1, 3, 2)


def test_width_factor_is_found_in_either_direction():
    skeleton = load_skeleton(dict(TOY, link_widths=[['b', 'a', 3.0]]))
    assert skeleton.width_factors == (3.0, 1.0, 1.0)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(parents=[0, 2, 3, 1]), r'cycle: b -> c -> d -> b'),
    (dict(parents=[0, 0, 2, 2]), r"disconnected: 'c' does not reach the root 'a', its path ends at 'c'"),
    (dict(parents=[1, 1, 1, 1]), r"root 'a' must be its own parent, not a child of 'b'"),
    (dict(parents=[0, 0, 1]), r'4 parents expected, one per keypoint; 3 found'),
    (dict(parents=[0, 0, 1, 4]), r'parents holds keypoint 4, expected 0 to 3'),
    (dict(keypoints=['a', 'b', 'c', 'c'], flip_pairs=[]), r"'c' is named twice"),
    (dict(keypoints=[], parents=[]), r'no keypoints|not one of its'),
    (dict(flip_pairs=[['b', 'c'], ['c', 'd']]), r"'c' is paired with 'd' and with 'b'"),
    (dict(flip_pairs=[['c', 'c']]), r"'c' is paired with 'c'"),
    (dict(flip_pairs=[['c', 'e']]), r"'e' is not one of its keypoints"),
    (dict(extra_links=[[0, 9]]), r'extra_links holds keypoint 9'),
    (dict(link_widths=[['c', 'd', 2.0]]), r'link_widths names c-d, which is not drawn'),
    (dict(link_widths=[['b', 'd', 0.0]]), r'width factor of b-d must be positive'),
    (dict(flip_pairs=[['b', 'c', 'd']]), r"'toy': flip_pairs holds \['b', 'c', 'd'\], expected \(a, b\)"),
    (dict(flip_pairs=['cd']), r"flip_pairs holds 'cd', expected"),
    (dict(flip_pairs=3), r'flip_pairs is 3, expected a list of'),
    (dict(extra_links=[['c']]), r"extra_links holds \['c'\], expected"),
    (dict(link_widths=[['a', 'b']]), r"link_widths holds \['a', 'b'\], expected \(parent, child, factor\)"),
    (dict(colours=[]), r"unknown keys \['colours'\]"),
])
def test_refusals_name_the_keypoint(change, message):
    with pytest.raises(ValueError, match=message):
        load_skeleton({**TOY, **change})


def test_the_constructor_names_a_pair_of_three():
    with pytest.raises(ValueError, match=r"'toy': flip_pairs holds \(0, 1, 2\), expected \(left, right\)"):
        Skeleton('toy', ('a', 'b', 'c'), (0, 0, 0), flip_pairs=((0, 1, 2),))


def test_files_are_named_in_errors(tmp_path):
    path = tmp_path / 'broken.json'
    path.write_text('{"keypoints": [')
    with pytest.raises(ValueError, match='broken.json'):
        load_skeleton(path)
    path.write_text('[1]')
    with pytest.raises(ValueError, match='broken.json'):
        Skeleton.from_file(path)
    with pytest.raises(FileNotFoundError, match=r"'h36m99' is neither a shipped one \(h36m18\) nor a json file"):
        load_skeleton('h36m99')
    with pytest.raises(FileNotFoundError, match='absent.json'):
        Skeleton.from_file(tmp_path / 'absent.json')


def test_another_skeleton_is_named_with_what_differs():
    toy = load_skeleton(TOY)
    require_same_skeleton(load_skeleton(dict(TOY, name='drawn', extra_links=[])), toy, 'here')
    with pytest.raises(ValueError, match=r"here has the skeleton 'toy' with . keypoints, but .* \(other flip_pairs\)"):
        require_same_skeleton(load_skeleton(dict(TOY, flip_pairs=[])), toy, 'here')
    with pytest.raises(ValueError, match='no skeleton given: .* a shipped one .*h36m18'):
        load_skeleton(None)
