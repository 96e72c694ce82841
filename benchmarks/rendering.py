"""Benchmark rendering a synthetic pair on one core: pose, skinning, rays, shading, background, JPEG and PNG."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from mmxas.synthesis import PairGenerator
from mmxas.synthesis.shards import encode

BODY = dict(type='SMPLBodyModel')
SETS = dict(
    synthetic=dict(body_model=BODY, pose_source=dict(type='TruncatedGaussianPrior'),
                   appearance=dict(type='PartSegmentation'), light=dict(type='RandomLight'),
                   background=dict(type='NoiseBackground')),
    target=dict(body_model=BODY, pose_source=dict(type='MocapPoses'), appearance=dict(type='PaintedClothes'),
                light=dict(type='RandomLight'), background=dict(type='PhotoBackground')))
RENDERERS = dict(plain=dict(type='PyTorch3DRenderer'), ours=dict(type='EmbreeRenderer', supersample=2))


def build(way: str, size: int = 256) -> Callable[[], dict[str, Any]]:
    """Return a function that renders the next pair.

    Raises:
        ImportError: The plain renderer, pytorch3d's rasteriser, is not installed.
    """
    generator = PairGenerator.from_config(SETS['synthetic'], image_size=size, renderer=RENDERERS[way],
                                          skeleton='h36m18')
    numbers = itertools.count()
    return lambda: encode(generator.generate(next(numbers)), 95)


CONTESTS = [Contest('render', 'synthetic pair 256x256, one core', build, at_most_ms=1000 / 15, threads=1),
            Contest('render_128', 'synthetic pair 128x128, one core', partial(build, size=128), at_most_ms=1000 / 30,
                    threads=1)]
