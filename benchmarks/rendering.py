"""Measure how many synthetic pairs one core makes in a second, and where the time goes.

A pair is everything: pose, skinning, scene, rays, shading, background, JPEG and PNG.
"""
import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import torch

import mmxas  # noqa: F401  registers the components
from mmxas.synthesis import PairGenerator
from mmxas.synthesis.shards import encode

BODY = dict(type='SMPLBodyModel')
SETS = dict(
    synthetic=dict(body_model=BODY, pose_source=dict(type='TruncatedGaussianPrior'),
                   appearance=dict(type='PartSegmentation'), light=dict(type='RandomLight'),
                   background=dict(type='NoiseBackground')),
    target=dict(body_model=BODY, pose_source=dict(type='MocapPoses'), appearance=dict(type='PaintedClothes'),
                light=dict(type='RandomLight'), background=dict(type='PhotoBackground')))
# Images a second and core that the project promises.
TARGETS = {128: 30.0, 256: 15.0}


def measure(config: dict[str, Any], size: int, num: int, renderer: dict[str, Any]) -> dict[str, float]:
    """Make ``num`` pairs.

    Returns:
        Images per second of this thread's own time, and of the clock on the wall.
    """
    generator = PairGenerator.from_config(config, image_size=size, renderer=renderer, skeleton='h36m18')
    encode(generator.generate(0), 95)
    wall, own = time.perf_counter(), time.process_time()
    for index in range(1, num + 1):
        encode(generator.generate(index), 95)
    return dict(per_core_second=num / (time.process_time() - own), per_wall_second=num / (time.perf_counter() - wall))


def main(argv: list[str] | None = None) -> int:
    """Print a table and write it as JSON; exit status 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--num', type=int, default=200, help='images a row (default: 200)')
    parser.add_argument('--supersample', type=int, default=2, help='rays along the side of a pixel (default: 2)')
    parser.add_argument('--pytorch3d', action='store_true', help="add one image of pytorch3d's rasteriser a size")
    parser.add_argument('--out', default='benchmarks/results/rendering.json')
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    jobs = [('embree', name, size, args.num, dict(type='EmbreeRenderer', supersample=args.supersample))
            for name in SETS for size in TARGETS]
    if args.pytorch3d:
        jobs += [('pytorch3d', 'synthetic', size, 1, dict(type='PyTorch3DRenderer')) for size in TARGETS]
    rows = []
    print(f'{"renderer":10s} {"set":10s} {"size":>5s} {"img/s, core":>12s} {"img/s, wall":>12s}')
    for renderer, name, size, num, config in jobs:
        row = dict(renderer=renderer, set=name, size=size, **measure(SETS[name], size, num, config))
        rows.append(row)
        print(f'{renderer:10s} {name:10s} {size:5d} {row["per_core_second"]:12.1f} {row["per_wall_second"]:12.1f}')
    result = dict(machine=platform.processor() or platform.machine(), cores=os.cpu_count(),
                  supersample=args.supersample, rows=rows)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    Path(args.out).write_text(json.dumps(result, indent=1))
    slow = [row for row in rows if row['renderer'] == 'embree' and row['per_core_second'] < TARGETS[row['size']]]
    for row in slow:
        print(f'too slow: {row["set"]} at {row["size"]} px, {TARGETS[row["size"]]:g} images/s a core expected')
    return 1 if slow else 0


if __name__ == '__main__':
    sys.exit(main())
