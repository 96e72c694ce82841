"""Draw a sheet of bodies at the limits of their prior."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmxas.body_models.skinned_model import SkinnedBodyModel
from mmxas.registry import APPEARANCES, RENDERERS
from mmxas.synthesis.cameras import FACING, rotation
from mmxas.synthesis.scene import RandomLight
from mmxas.visualization.contact_sheet import captioned, contact_sheet

TILE = 112  # px
YAW = -60.0  # degrees: from its left side, a little from the front
FOCAL = 3.0  # multiple of the picture's side
DISTANCE = 3.6  # multiple of the body's size


def extremes_sheet(body: SkinnedBodyModel, vertices: np.ndarray, names: Sequence[str], alarms: Sequence[bool],
                   columns: int = 10) -> np.ndarray:
    """Draw posed bodies, each scaled to its picture.

    Args:
        body: The body, for its triangles and parts.
        vertices: (N, V, 3) in the body's axes, m.
        names: N captions.
        alarms: N flags; a caption is red if its flag is set.
        columns: Pictures per row. Defaults to 10.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(0)
    renderer = RENDERERS.build(dict(type='EmbreeRenderer'))
    surface = APPEARANCES.build(dict(type='PartSegmentation', colormaps=['tab20'])).sample(body, rng)
    light = RandomLight().sample(rng)
    turn = FACING @ rotation(1, np.deg2rad(YAW)) @ body.axes
    K = np.array([[FOCAL * TILE, 0, (TILE - 1) / 2], [0, FOCAL * TILE, (TILE - 1) / 2], [0, 0, 1]])
    tiles = []
    for mesh, name, alarm in zip(vertices, names, alarms, strict=True):
        seen = mesh @ turn.T * 1000
        size = float(np.ptp(seen, axis=0).max())
        seen += [0, 0, DISTANCE * size] - (seen.min(0) + seen.max(0)) / 2
        out = renderer.render(seen, body.faces, surface, K, (TILE, TILE), light)
        picture = 255 + out.alpha[..., None] * (out.rgb.astype(np.float32) - 255)
        tiles.append(captioned(picture.astype(np.uint8), name, alarm))
    return contact_sheet(tiles, columns)
