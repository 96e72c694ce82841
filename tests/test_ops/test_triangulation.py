import numpy as np
import pytest

from mmxas.ops.geometry import camera_to_image, world_to_camera
from mmxas.ops.triangulation import triangulate

K = np.array([[1145.0, 0, 512], [0, 1143.0, 515], [0, 0, 1]])


def cameras(angles=(20, 110, 200, 290), distance=5000.0, height=1500.0):
    """Cameras around the origin of a world with z up that look at its middle: K, R, t."""
    rotations, translations = [], []
    for angle in np.radians(angles):
        centre = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
        forward = -(centre - [0, 0, 900]) / np.linalg.norm(centre - [0, 0, 900])
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        rotations.append(rotation)
        translations.append(-rotation @ centre)
    return np.repeat(K[None], len(angles), 0), np.array(rotations), np.array(translations)


def views(world, intrinsics, rotation, translation):
    """Points (..., 3) mm to (..., V, 2) px."""
    points = world.reshape(-1, 3)
    seen = [camera_to_image(world_to_camera(points, r, t), k)[:, :2]
            for k, r, t in zip(intrinsics, rotation, translation)]
    return np.stack(seen, axis=1).reshape(*world.shape[:-1], len(intrinsics), 2)


def world_points(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 350, (*shape, 3)) + [300.0, -200, 900]


@pytest.mark.parametrize('options', [{}, dict(refinements=0), dict(homogeneous=True), dict(weights=[1, 0.5, 2, 0])])
def test_points_of_four_cameras_are_recovered(options):
    setup, world = cameras(), world_points(20, 18)
    found = triangulate(views(world, *setup), *setup, **options)
    assert np.abs(found - world).max() < 1e-6


def test_the_worlds_origin_does_not_matter():
    setup, world = cameras(), world_points(50)
    seen = views(world, *setup) + np.random.default_rng(1).normal(0, 1, (50, 4, 2))
    shift = np.array([1e5, -2e5, 3e4])
    moved = setup[0], setup[1], setup[2] - setup[1] @ shift
    assert np.abs(triangulate(seen, *moved) - shift - triangulate(seen, *setup)).max() < 1e-6


def noise_floor(world, intrinsics, rotation, translation, sigma=1.0):
    """Root mean square error in mm that no unbiased estimate goes below (Cramér-Rao), of points (M, 3)."""
    step, base = 1e-3, views(world, intrinsics, rotation, translation)
    jacobian = np.stack([(views(world + step * axis, intrinsics, rotation, translation) - base) / step
                         for axis in np.eye(3)], axis=-1).reshape(len(world), -1, 3)
    covariance = sigma ** 2 * np.linalg.inv(jacobian.swapaxes(1, 2) @ jacobian)
    return np.sqrt(np.trace(covariance, axis1=1, axis2=2).mean())


def test_one_pixel_of_noise_costs_what_it_must():
    setup, world = cameras(), world_points(4000)
    noise = np.random.default_rng(2).normal(0, 1, (4000, 4, 2))
    found = triangulate(views(world, *setup) + noise, *setup)
    error, floor = np.sqrt(np.square(found - world).sum(-1).mean()), noise_floor(world, *setup)
    assert 3 < floor < 6
    assert error == pytest.approx(floor, rel=0.02)


def test_weights_trust_the_better_views():
    setup, world = cameras(), world_points(2000)
    seen = views(world, *setup)
    seen[:, 1] += np.random.default_rng(3).normal(0, 40, (2000, 2))
    alike = np.linalg.norm(triangulate(seen, *setup) - world, axis=-1).mean()
    trusting = np.linalg.norm(triangulate(seen, *setup, weights=[1, 1e-3, 1, 1]) - world, axis=-1).mean()
    assert trusting < 0.05 * alike
    without = triangulate(seen, *setup, weights=[1, 0, 1, 1])
    assert np.abs(without - world).max() < 1e-6


def test_degenerate_views_are_refused():
    world = world_points(3, 5)
    same = cameras((20, 20, 20))
    with pytest.raises(ValueError, match=r'degenerate views: the rays to 15 of 15 points are parallel'):
        triangulate(views(world, *same), *same)
    setup = cameras((0, 180), height=900.0)
    between = np.array([[0.0, 0, 900], [100, 100, 900]])  # the first lies on the line between both cameras
    with pytest.raises(ValueError, match='the rays to 1 of 2 points'):
        triangulate(views(between, *setup), *setup)
    seen = views(world, *cameras())
    with pytest.raises(ValueError, match='expected two or more views of each point, got 1'):
        triangulate(seen, *cameras(), weights=[1, 0, 0, 0])
    with pytest.raises(ValueError, match='weights: 0 or more expected, got -1'):
        triangulate(seen, *cameras(), weights=[1, -1, 1, 1])
    with pytest.raises(ValueError, match='intrinsics: shape'):
        triangulate(seen, K, np.eye(3), np.zeros(3))


def test_a_camera_that_is_given_twice_is_refused():
    setup, world = cameras((20, 20)), world_points(3)
    seen = views(world, *setup)
    seen[:, 1, 0] += 12
    with pytest.raises(ValueError, match='degenerate views: the cameras of 3 of 3 points are at the same position'):
        triangulate(seen, *setup)
    setup = cameras((20, 20, 110))
    seen = views(world, *setup)
    with pytest.raises(ValueError, match='degenerate views: the'):
        triangulate(seen + [[[0, 0], [12, 0], [0, 0]]], *setup, weights=[1, 1, 0])
    assert np.abs(triangulate(seen, *setup) - world).max() < 1e-6


def test_rays_that_run_apart_meet_behind_the_cameras():
    rotation, intrinsics = np.eye(3)[None].repeat(2, 0), K[None].repeat(2, 0)
    translation = np.array([[0.0, 0, 0], [-1000, 0, 0]])
    seen = np.array([[K[0, 2] - 100, K[1, 2]], [K[0, 2] + 100, K[1, 2]]])
    for points, depth in ((seen, -5725), (seen[::-1], 5725)):
        assert triangulate(points, intrinsics, rotation, translation)[2] == pytest.approx(depth)


def test_points_that_are_left_out_may_be_nan():
    setup, world = cameras(), world_points(4)
    seen = views(world, *setup)
    weights = np.ones((4, 4))
    seen[2, 1], weights[2, 1] = np.nan, 0
    seen[3, 0], weights[3, 0] = (np.inf, 5), 0
    assert np.abs(triangulate(seen, *setup, weights=weights) - world).max() < 1e-6
    with pytest.raises(ValueError, match=r'points: expected finite px, got \[nan, nan\] at \[2, 1\]; give weight 0'):
        triangulate(seen, *setup)
    with pytest.raises(ValueError, match='weights: 0 or more expected, got inf'):
        triangulate(views(world, *setup), *setup, weights=[1, 1, np.inf, 1])
