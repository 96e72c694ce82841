"""Random lights."""
from collections.abc import Sequence

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.synthesis.renderers.shading import Light


@APPEARANCES.register_module()
class RandomLight:
    """An ambient light and a directional one from the camera's half-space, mostly from above.

    Args:
        ambient: range of the ambient intensity.
        diffuse: range of the directional intensity.
        azimuth: largest angle to the left or right of the camera, degrees.
        elevation: range of the angle above the horizon, degrees.
        tint: largest relative difference between the colour channels.
    """

    def __init__(self, ambient: Sequence[float] = (0.35, 0.65), diffuse: Sequence[float] = (0.3, 0.75),
                 azimuth: float = 90, elevation: Sequence[float] = (-10, 75), tint: float = 0.1) -> None:
        self.ambient, self.diffuse = tuple(ambient), tuple(diffuse)
        self.azimuth, self.elevation, self.tint = azimuth, tuple(elevation), tint

    def sample(self, rng: np.random.Generator) -> Light:
        """Draw one light."""
        azimuth = np.deg2rad(rng.uniform(-self.azimuth, self.azimuth))
        elevation = np.deg2rad(rng.uniform(*self.elevation))
        direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation),
                              -np.cos(azimuth) * np.cos(elevation)])
        ambient, diffuse = rng.uniform(*self.ambient), rng.uniform(*self.diffuse)
        tints = 1 + rng.uniform(-self.tint, self.tint, (2, 3))
        return Light(direction.astype(np.float32), (ambient * tints[0]).astype(np.float32),
                     (diffuse * tints[1]).astype(np.float32))
