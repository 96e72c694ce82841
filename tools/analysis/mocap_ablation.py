"""What each part of stage 2 is worth: ``python tools/analysis/mocap_ablation.py CONFIG --seeds 0 1 --out DIR``

Trains stage 1 once a seed; from it, each for as long: the control (stage 1's losses alone), mask alone, discriminator
alone, both, both with the single-hypothesis detector of eq. 2, and the supervised upper bound (the target's labels in
place of the synthetic pairs). Writes ``ablation.json`` and prints the table; what is there is kept.
"""
import argparse
import copy
import json
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmengine.config import Config
from mmengine.runner import Runner

from mmxas.apis import command_line
from mmxas.synthesis.shards import write_atomically

# Terms that stage 2 keeps, of those that stage 1 has not; None keeps all.
VARIANTS = {'control': (), 'mask': ('mask', ), 'discriminator': ('adversarial', ), 'mask + discriminator': None,
            'single hypothesis': None, 'supervised': ()}
SHOWN = ('confident', 'best_per_pose', 'best_of_noise', 'best_per_keypoint')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a config of two stages, such as configs/xas_mocap_full.py')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1], help='default: 0 1')
    parser.add_argument('--out', default='work_dirs/ablation', help='default: work_dirs/ablation')
    parser.add_argument('--variants', nargs='+', choices=[*VARIANTS], default=[*VARIANTS], help='default: all')
    parser.add_argument('--cfg-options', nargs='+', action=command_line.KeyValueAction, default={},
                        help='changes of the config, key=value')
    return parser.parse_args()


def first_stage(cfg: Config) -> Config:
    """The config cut to its first stage."""
    cfg.train_cfg.stages = cfg.train_cfg.stages[:1]
    return cfg


def variant(cfg: Config, name: str, checkpoint: str) -> Config:
    """The config cut to its second stage with a variant's losses, from stage 1's weights."""
    first, second = cfg.train_cfg.stages
    terms = VARIANTS[name]
    if terms is not None:
        added = set(second.loss_weights) - set(first.loss_weights)
        for term in added - set(terms):
            second.loss_weights.pop(term)
    if name == 'single hypothesis':
        cfg.model.head.update(num_hypotheses=1, window=None)
    if name == 'supervised':
        target = cfg.train_dataloader.dataset.target
        target.update(with_labels=True, domain='synthetic', pipeline=cfg.train_dataloader.dataset.synthetic.pipeline)
        cfg.train_dataloader.dataset = dict(
            type='PairedDataset', synthetic=target, length=cfg.train_dataloader.dataset.length)
    cfg.train_cfg.stages = [second]
    cfg.load_from = checkpoint
    return cfg


def run(cfg: Config, work_dir: Path, seed: int, test: bool = True) -> dict[str, float]:
    """Train in ``work_dir`` and test; read the result where it is there already."""
    result = work_dir / 'result.json'
    if result.is_file():
        return json.loads(result.read_text(encoding='utf-8'))
    cfg.work_dir, cfg.randomness.seed = str(work_dir), seed
    if (work_dir / 'last_checkpoint').is_file():
        cfg.resume, cfg.load_from = True, None
    runner = Runner.from_cfg(cfg)
    runner.train()
    numbers = {name: float(value) for name, value in runner.test().items()} if test else {}
    write_atomically(result, lambda file: file.write(json.dumps(numbers, indent=2).encode()))
    return numbers


def table(results: dict[str, dict[int, dict[str, float]]]) -> str:
    """Markdown: a row a variant; MPJPE of each selection and P-MPJPE of the confident pose, a number a seed."""
    lines = ['| stage 2 | ' + ' | '.join(f'{name} MPJPE' for name in SHOWN) + ' | confident P-MPJPE | mask IoU |',
             '|---' * (len(SHOWN) + 3) + '|']
    for name, seeds in results.items():
        def cell(key: str, seeds: dict = seeds, digits: int = 1) -> str:
            return ' / '.join(f'{numbers[key]:.{digits}f}' if key in numbers else '–' for numbers in seeds.values())
        cells = [cell(f'xas/{selection}/MPJPE') for selection in SHOWN]
        cells += [cell('xas/confident/P-MPJPE'), cell('xas/mask_iou', digits=3)]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main() -> None:
    """Train and test every variant of every seed, and print the table."""
    args = parse_args()
    cfg, out = command_line.load_config(args.config), Path(args.out)
    command_line.merge_options(cfg, args.cfg_options)
    results: dict[str, dict[int, dict[str, float]]] = {}
    for seed in args.seeds:
        base = out / f'seed_{seed}'
        results.setdefault('stage 1 only', {})[seed] = run(first_stage(copy.deepcopy(cfg)), base / 'stage_1', seed)
        checkpoint = (base / 'stage_1' / 'last_checkpoint').read_text(encoding='utf-8').strip()
        for name in args.variants:
            changed = variant(copy.deepcopy(cfg), name, checkpoint)
            results.setdefault(name, {})[seed] = run(changed, base / name.replace(' ', '_'), seed)
            write_atomically(out / 'ablation.json', lambda file: file.write(json.dumps(results, indent=2).encode()))
    print(table(results))


if __name__ == '__main__':
    command_line.run_tool(main)
