"""``mmxas demo``: render, train, evaluate and draw, with built-in data only."""
import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from terminaltables import AsciiTable
from torch.utils.data import Dataset

from mmxas.apis.configs import config_stem, load_config
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import DATASETS
from mmxas.visualization import XASVisualizer
from mmxas.visualization.canvas import write_picture

from .options import CommandParser, add_config
from .running import run_command

ROWS = {'mean_pose': 'constant mean pose', 'top1': 'top-1 hypothesis', 'best_of_h_per_pose': 'best of H per pose',
        'best_of_h_per_joint': 'best of H per joint'}
METRICS = ('MPJPE', 'N-MPJPE', 'P-MPJPE')


class Stopwatch:
    """Measure named steps in seconds, and announce each at its start."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Time a block as ``name``."""
        print(f'\n=== {text}', flush=True)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)


def run_demo(config: str | Path, work_dir: Path, full_recipe: str, num_pictures: int = 4) -> str:
    """Render the built-in data, train, test, draw.

    Args:
        config: The config, whose test evaluator is an ``XASPoseMetric``.
        work_dir: Folder of logs, checkpoints, ``metrics.json`` and ``hypotheses.png``.
        full_recipe: Command that the summary recommends.
        num_pictures: Number of test images in the picture. Defaults to 4.

    Returns:
        The summary: metrics table, paths and command.
    """
    cfg = load_config(str(config))
    share_config(cfg)
    cfg.work_dir = str(work_dir)
    init_default_scope('mmpose')
    watch, start = Stopwatch(), time.perf_counter()
    with watch.step('render', 'Rendering the built-in data sets (existing ones are kept)'):
        prepare_sets(cfg)
        test_set = DATASETS.build(cfg.test_dataloader.dataset)
    with watch.step('train', f'Training {config_stem(str(config))}: log in {work_dir}'):
        runner = Runner.from_cfg(cfg)
        runner.train()
    with watch.step('test', 'Testing'):
        results = runner.test()
    picture = work_dir / 'hypotheses.png'
    with watch.step('draw', 'Drawing'):
        draw_hypotheses(runner.model, test_set, cfg, picture, num_pictures)
    watch.seconds['total'] = round(time.perf_counter() - start, 1)
    metrics = {**collect(results), 'seconds': watch.seconds}
    write_atomically(work_dir / 'metrics.json', lambda file: file.write(json.dumps(metrics, indent=2).encode() + b'\n'))
    return summary(metrics, work_dir, picture, full_recipe)


def collect(results: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Convert the evaluator's flat metrics (``xas/top1/MPJPE``) to ``{'top1': {'MPJPE': …}}``, in mm.

    Raises:
        KeyError: A metric is missing.
    """
    return {row: {metric: round(float(results[f'xas/{row}/{metric}']), 2) for metric in METRICS} for row in ROWS}


@torch.no_grad()
def draw_hypotheses(model: torch.nn.Module, dataset: Dataset, cfg: Config, path: Path, count: int) -> None:
    """Draw predictions of evenly spaced samples of the evaluator's first group into one picture.

    Args:
        model: The trained estimator.
        dataset: The test set, with images in memory.
        cfg: Its config; ``test_evaluator.groups`` selects the clips to draw.
        path: The picture.
        count: Number of samples.
    """
    groups = cfg.test_evaluator.get('groups') or {}
    clips = next(iter(groups.values()), None)
    numbers = [i for i in range(len(dataset)) if clips is None or dataset.get_data_info(i).get('clip') in clips]
    chosen = [numbers[i] for i in np.linspace(0, len(numbers) - 1, count).round().astype(int)]
    model.eval()
    shown, model.test_cfg = model.test_cfg, {**model.test_cfg, 'output_depth_heatmaps': True}
    samples = model.test_step(pseudo_collate([dataset[i] for i in chosen]))
    model.test_cfg = shown
    visualizer = XASVisualizer()
    visualizer.set_dataset_meta(dataset.metainfo)
    blocks = [visualizer.draw(cv2.cvtColor(dataset.get_data_info(i)['img'], cv2.COLOR_BGR2RGB), sample)
              for i, sample in zip(chosen, samples, strict=True)]
    width = min(block.shape[1] for block in blocks)
    write_picture(path, np.concatenate([block[:, :width] for block in blocks]))


def summary(metrics: Mapping[str, Mapping[str, float]], work_dir: Path, picture: Path, full_recipe: str) -> str:
    """Return the summary of a demo."""
    table = [['held-out clips, mm', *METRICS]]
    table += [[text, *(f'{metrics[row][metric]:.1f}' for metric in METRICS)] for row, text in ROWS.items()]
    ratio = metrics['top1']['MPJPE'] / metrics['mean_pose']['MPJPE']
    return '\n'.join([
        '', AsciiTable(table).table, f'top-1 / mean pose: {ratio:.2f}; {metrics["seconds"]["total"]:.0f} s in all',
        f'picture:        {picture}', f'work directory: {work_dir}', f'full recipe:    {full_recipe}'])


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser('demo', example='mmxas demo --work-dir work_dirs/demo',
                           details='It takes 15 minutes on 2 CPU cores, and writes metrics.json and hypotheses.png.')
    add_config(parser, default='mmxas::xas_mocap.py')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='folder of all results (default: %(default)s)')
    parser.add_argument('--full-recipe', default='mmxas train mmxas::xas_mocap_full.py',
                        help='the command that the last line recommends')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Run the demo and print its table."""
    print(run_demo(args.config, Path(args.work_dir), args.full_recipe))


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    return run_command('demo', parse_args, run, arguments)
