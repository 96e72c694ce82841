"""Print the nearest-neighbour distance from one set of poses to another per motion clip; nothing is rendered."""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

import mmxas  # noqa: F401  registers the components
from mmxas.apis.configs import load_config
from mmxas.cli.running import mistakes, run_command
from mmxas.datasets.rendered_sets import find_sets
from mmxas.evaluation.pose_set_distance import nearest_pose_distance
from mmxas.synthesis.pair_generator import PairGenerator


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config with `synthesis = dict(NAME=dict(generator=...), ...)`')
    parser.add_argument('--query', required=True, help='NAME of the set of query poses, e.g. the target')
    parser.add_argument('--reference', required=True, help='NAME of the set to search, e.g. the synthetic one')
    parser.add_argument('--num', type=int, default=2000, help='poses of the reference set (default: 2000)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', help='write the table as JSON')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    with mistakes(ValueError, OSError, KeyError):
        config = load_config(args.config)
        sets = {role: PairGenerator.from_config(find_sets(config, name)[name]['generator'], seed=args.seed)
                for role, name in (('query', args.query), ('reference', args.reference))}
    reference, _ = sets['reference'].body_keypoints(range(args.num))
    source = sets['query'].pose_source
    query, clips = sets['query'].body_keypoints(range(len(source) if hasattr(source, '__len__') else args.num))
    root = sets['reference'].skeleton.root
    distance = nearest_pose_distance(query, reference, root)
    table = {'reference against itself': nearest_pose_distance(reference, reference, root, exclude='same_index')}
    table |= {clip or args.query: distance[clips == clip] for clip in np.unique(clips)}
    rows = {name: dict(mean=round(float(d.mean()), 1), median=round(float(np.median(d)), 1), poses=len(d))
            for name, d in sorted(table.items(), key=lambda item: item[1].mean())}
    for name, row in rows.items():
        print(f'{name:28s} mean {row["mean"]:6.1f} mm  median {row["median"]:6.1f} mm  {row["poses"]:5d} poses')
    if args.out:
        Path(args.out).write_text(json.dumps(rows, indent=1))


def main(arguments: list[str] | None = None) -> int:
    """Print the distances; return the exit status."""
    return run_command('pose_set_distance', parse_args, run, arguments)


if __name__ == '__main__':
    sys.exit(main())
