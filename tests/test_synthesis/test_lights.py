import numpy as np

from mmxas.synthesis.lights import RandomLight


def test_lights_stay_in_their_ranges():
    light = RandomLight(ambient=(0.4, 0.5), diffuse=(0.2, 0.3), azimuth=60, elevation=(0, 45), tint=0.0)
    drawn = [light.sample(np.random.default_rng(s)) for s in range(200)]
    directions = np.stack([d.direction for d in drawn])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    assert (directions[:, 2] < 0).all(), 'light comes from the side of the camera'
    assert (directions[:, 1] <= 1e-6).all() and directions[:, 1].min() >= -np.sin(np.pi / 4) - 1e-6
    ambient = np.stack([d.ambient for d in drawn])
    assert ambient.min() >= 0.4 - 1e-6 and ambient.max() <= 0.5 + 1e-6
    assert (ambient == ambient[:, :1]).all(), 'without tint the light is white'


def test_tint_colours_the_light():
    drawn = RandomLight(tint=0.1).sample(np.random.default_rng(0))
    assert len(set(drawn.diffuse.tolist())) == 3
