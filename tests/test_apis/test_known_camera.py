import numpy as np
import pytest

from mmxas.apis.known_camera import KnownCamera, check_intrinsics

K = np.array([[1100.0, 0, 500], [0, 1120.0, 480], [0, 0, 1]])


@pytest.mark.parametrize('intrinsics', [
    np.zeros((3, 3)), np.full((3, 3), np.nan), np.diag([-500.0, -500, 1]), np.diag([500.0, np.inf, 1]),
    np.diag([500.0, 500, 2]), [[1, 1, 0], [1, 1, 0], [0, 0, 1]],
], ids=['zeros', 'nan', 'negative', 'infinite', 'last row', 'singular'])
def test_intrinsics_that_no_camera_has_are_refused(intrinsics):
    with pytest.raises(ValueError, match=r'^intrinsics: .*fx > 0 and fy > 0 expected, found \['):
        check_intrinsics(intrinsics, 'intrinsics')
    with pytest.raises(ValueError, match=r'^camera: K: .*fx > 0 and fy > 0 expected, found \['):
        KnownCamera.from_dict(dict(K=intrinsics, root_depth=1.0))


def test_a_known_camera_needs_both_parts():
    with pytest.raises(ValueError, match='root_depth in mm expected, root_depth missing'):
        KnownCamera.from_dict(dict(K=K))
    with pytest.raises(ValueError, match=r'K: a matrix \(3, 3\) expected, found shape \(4,\)'):
        KnownCamera.from_dict(dict(K=[1, 2, 3, 4], root_depth=1.0))


def test_root_depths_are_one_or_one_a_box():
    camera = KnownCamera.from_dict(dict(K=K, root_depth=[1.0, 2.0]))
    assert camera.root_depths(2, 'a').tolist() == [1.0, 2.0]
    assert KnownCamera.from_dict(dict(K=K, root_depth=3)).root_depths(3, 'a').tolist() == [3.0] * 3
    with pytest.raises(ValueError, match=r'root_depth: expected one number in mm, or one per box \(3\)'):
        camera.root_depths(3, 'a.jpg')
    for wrong in (-5.0, 0, float('nan'), [1.0, -1.0]):
        with pytest.raises(ValueError, match='camera: root_depth: positive numbers in mm expected, found'):
            KnownCamera.from_dict(dict(K=K, root_depth=wrong))


def test_one_root_depth_is_of_one_body():
    camera = KnownCamera.from_dict(dict(K=np.diag([100.0, 100, 1]), root_depth=3000.0))
    camera.require_one(1, 'a.jpg')
    with pytest.raises(ValueError, match='a.jpg: 2 bodies found, so the root depth of each is ambiguous'):
        camera.require_one(2, 'a.jpg')
