"""``mmxas mean-pose``: average the labels of a config's data into the constant baseline pose of tables."""
import argparse

import numpy as np
from mmengine.registry import init_default_scope

from mmxas.apis.configs import load_config, merge_options
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.errors import UsageError
from mmxas.evaluation.mean_pose import mean_pose, save_mean_pose
from mmxas.registry import DATASETS

from .options import CommandParser, add_cfg_options, add_config
from .running import run_command


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('mean-pose', example='mmxas mean-pose mmxas::xas_mocap.py --out mean_pose.json',
                           details='The mean pose is the constant baseline of tables.')
    add_config(parser)
    parser.add_argument('--out', required=True, help='the json file to write')
    parser.add_argument('--dataset', default='train_dataloader.dataset.target',
                        help='where in the config the data set is (default: %(default)s)')
    add_cfg_options(parser)
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Compute and write the mean pose.

    Raises:
        UsageError: The config has no such data set.
    """
    config = load_config(args.config)
    merge_options(config, args.cfg_options)
    share_config(config)
    init_default_scope(config.get('default_scope', 'mmpose'))
    options = config
    for key in args.dataset.split('.'):
        if key not in options:
            raise UsageError(f'{args.config}: no {args.dataset} ({key!r} is missing)')
        options = options[key]
    prepare_sets(dict(train_dataloader=dict(dataset=options)), ['train'])
    dataset = DATASETS.build({**options, 'with_labels': True, 'pipeline': []})
    poses = np.concatenate([dataset.get_data_info(i)['keypoints_cam'] for i in range(len(dataset))])
    pose = mean_pose(poses, dataset.skeleton.root)
    where = {key: options[key] for key in ('split', 'data_root', 'ann_file', 'seed') if key in options}
    save_mean_pose(args.out, pose, dataset.skeleton, f'{len(poses)} labels of {options["type"]} {where}')
    print(f'{args.out}: mean of {len(poses)} poses')


def main(arguments: list[str] | None = None) -> int:
    """Compute; return the exit status."""
    return run_command('mean-pose', parse_args, run, arguments)
