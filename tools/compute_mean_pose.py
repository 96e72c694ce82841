"""Average the labels of a config's target training set into the constant pose that tables compare with.

``python tools/compute_mean_pose.py CONFIG --out FILE [--dataset KEY]``
"""
import argparse

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
import numpy as np
from mmengine.registry import init_default_scope

from mmxas.cli import command_line
from mmxas.cli.command_line import KeyValueAction
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.evaluation.mean_pose import mean_pose, save_mean_pose
from mmxas.registry import DATASETS


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a config with the data set')
    parser.add_argument('--out', required=True, help='the json file to write')
    parser.add_argument('--dataset', default='train_dataloader.dataset.target',
                        help='where in the config the data set is (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, help='changes of the config, key=value')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Compute and write the mean pose."""
    args = parse_args(arguments)
    config = command_line.load_config(args.config)
    command_line.merge_options(config, args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmpose'))
    options = config
    for key in args.dataset.split('.'):
        if key not in options:
            raise SystemExit(f'{args.config}: no {args.dataset} ({key!r} is missing)')
        options = options[key]
    prepare_sets(dict(train_dataloader=dict(dataset=options)), ['train'])
    dataset = DATASETS.build({**options, 'with_labels': True, 'pipeline': []})
    poses = np.concatenate([dataset.get_data_info(i)['keypoints_cam'] for i in range(len(dataset))])
    pose = mean_pose(poses, dataset.skeleton.root)
    where = {key: options[key] for key in ('split', 'data_root', 'ann_file', 'seed') if key in options}
    save_mean_pose(args.out, pose, dataset.skeleton, f'{len(poses)} labels of {options["type"]} {where}')
    print(f'{args.out}: mean of {len(poses)} poses')


if __name__ == '__main__':
    command_line.run_tool(main)
