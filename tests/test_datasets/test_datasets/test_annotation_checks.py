import numpy as np
import pytest

from mmxas.datasets.datasets.annotation_checks import (
    BadAnnotationError,
    box_fault,
    camera_fault,
    check_annotations,
    pose_fault,
)

K = np.array([[250.0, 0, 100], [0, 252, 101], [0, 0, 1]])
POSE = np.tile([0.0, 0, 5000], (18, 1))


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def test_good_ones_have_no_fault():
    assert (camera_fault(K), pose_fault(POSE, 0), box_fault([[0, 0, 1, 1]])) == (None, None, None)


@pytest.mark.parametrize(('fault', 'message'), [
    (camera_fault(changed(K, (0, 0), 0)), 'focal lengths 0 and 252 px'),
    (camera_fault(changed(K, (1, 1), -3)), 'focal lengths 250 and -3 px'),
    (camera_fault(changed(K, (0, 2), np.nan)), 'expected nine finite numbers'),
    (camera_fault(np.eye(2)), 'expected nine finite numbers'),
    (pose_fault(changed(POSE, (3, 1), np.inf), 0), 'its keypoint 3 is [0.0, inf, 5000.0]'),
    (pose_fault(changed(POSE, (0, 2), 0), 0), 'its root has the depth 0 mm'),
    (box_fault([0, 0, np.nan, 1]), 'with an area'), (box_fault([0, 0, np.inf, 1]), 'with an area'),
    (box_fault([5, 0, 5, 1]), 'with an area'), (box_fault([1, 2, 3]), 'with an area'),
])
def test_a_fault_is_said(fault, message):
    assert message in fault


def test_samples_are_named_or_skipped_and_counted(caplog):
    records = [dict(sample_name='a', bbox=np.array([[0, 0, 2, 2]])), dict(sample_name='b', bbox=np.zeros((1, 4))),
               dict(sample_name='c', bbox=np.ones((1, 4)), fault='its camera is broken')]
    with pytest.raises(BadAnnotationError, match="b: its box is .* set on_error='skip'"):
        check_annotations(records)
    assert [record['sample_name'] for record in check_annotations(records, 'skip')] == ['a']
