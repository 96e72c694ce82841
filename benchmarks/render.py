"""One synthetic pair of 256 px on one core: pose, skinning, rays, shading, background, JPEG and PNG."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from benchmarks.rendering import SETS
from mmxas.synthesis import PairGenerator
from mmxas.synthesis.shards import encode

SIZE = 256
RENDERERS = dict(plain=dict(type='PyTorch3DRenderer'), ours=dict(type='EmbreeRenderer', supersample=2))


def build(way: str, size: int = SIZE) -> Callable[[], dict[str, Any]]:
    """A pair, the next one each time.

    Raises:
        ImportError: The plain renderer, pytorch3d's rasteriser, is not installed.
    """
    generator = PairGenerator.from_config(SETS['synthetic'], image_size=size, renderer=RENDERERS[way],
                                          skeleton='h36m18')
    numbers = itertools.count()
    return lambda: encode(generator.generate(next(numbers)), 95)


CONTESTS = [Contest('render', f'synthetic pair {SIZE}x{SIZE}, one core', build, at_most_ms=1000 / 15, threads=1)]
