"""Ablate the second stage: ``python tools/analysis/mocap_ablation.py CONFIG --seeds 0 1 --out DIR``

Trains stage 1 once per seed, or loads ``--stage-1``, and then several second stages of equal length. ``--compare
parts``: the control (stage 1's losses only), mask only, discriminator only, both, both with the single-hypothesis
detector of eq. 2, and the supervised upper bound (the target's labels instead of the synthetic pairs). ``--compare
weights``: the three terms of eq. 17 with the paper's weights and with others, and the gradient norms of mask and
discriminator. Writes ``ablation.json`` and prints the table; existing results are kept.
"""
import argparse
import copy
import json
import sys
from pathlib import Path

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmxas.apis.configs import load_config, merge_options
from mmxas.cli.options import add_cfg_options
from mmxas.cli.running import run_command
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.engine.stages import Stage
from mmxas.io.atomic_writes import write_atomically

# Additional terms of stage 2 to keep; None keeps all.
PARTS = {'control': (), 'mask': ('mask', ), 'discriminator': ('adversarial', ), 'mask + discriminator': None,
         'single hypothesis': None, 'supervised': ()}
# "render alone" also loads the targets but learns nothing from them: without targets its pairs would be augmented with
# other random numbers, which changes MPJPE by up to a millimetre.
SEEN = dict(mask=1e-9, adversarial=1e-9)
# Replacements of the config's: terms and their weights, and the detector's rate as a multiple of stage 1's final one (5
# in the paper, 1 in the authors' code).
WEIGHTS = {
    'render alone': dict(loss_weights=dict(**SEEN, render=0.5), rate=5),
    'paper': dict(loss_weights=dict(mask=0.02, adversarial=1.0, render=0.5), rate=5),
    'paper, detached': dict(loss_weights=dict(mask=0.02, adversarial=1.0, render=0.5), rate=5, detach=True),
    'adversarial 0.005': dict(loss_weights=dict(mask=0.02, adversarial=0.005, render=0.5), rate=5),
    'render alone, slow': dict(loss_weights=dict(**SEEN, render=0.5), rate=1),
    'adversarial 0.005, slow': dict(loss_weights=dict(mask=0.02, adversarial=0.005, render=0.5), rate=1),
    'mask 0.1, adversarial 0.004, slow': dict(loss_weights=dict(mask=0.1, adversarial=0.004, render=0.5), rate=1),
}
COMPARED = {'parts': tuple(PARTS), 'weights': tuple(WEIGHTS)}
GRADIENTS_EVERY = 8  # iterations

# Column heading: name of the metric, digits.
TOP1 = {'top-1 MPJPE': ('xas/top1/MPJPE', 1), 'top-1 P-MPJPE': ('xas/top1/P-MPJPE', 1),
             'mask IoU': ('xas/mask_iou', 3)}
COLUMNS = {
    'parts': {**{f'{name} MPJPE': (f'xas/{name}/MPJPE', 1) for name in (
        'top1', 'best_of_h_per_pose', 'best_of_noise', 'best_of_h_per_joint')}, **TOP1},
    'weights': {**TOP1, **{f'grad/{name}, % of grad/render': (f'share/{name}', 0)
                                for name in ('mask', 'adversarial')}},
}


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a config of two stages, such as configs/xas_mocap_full.py')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1], help='default: 0 1')
    parser.add_argument('--stage-1', metavar='CHECKPOINT', help='start from these weights; default: train stage 1')
    parser.add_argument('--out', default='work_dirs/ablation', help='default: work_dirs/ablation')
    parser.add_argument('--compare', choices=[*COMPARED], default='parts', help='default: parts')
    parser.add_argument('--variants', nargs='+', help='some of the compared variants; default: all')
    add_cfg_options(parser)
    args = parser.parse_args(arguments)
    args.variants = args.variants or [*COMPARED[args.compare]]
    if unknown := [name for name in args.variants if name not in COMPARED[args.compare]]:
        parser.error(f'--variants: {unknown[0]!r} is none of {", ".join(COMPARED[args.compare])}')
    return args


def first_stage(cfg: Config) -> Config:
    """Return the config with its first stage only."""
    cfg.train_cfg.stages = cfg.train_cfg.stages[:1]
    return cfg


def variant(cfg: Config, name: str, checkpoint: str) -> Config:
    """Return the config with its second stage only, a variant's losses, and stage 1's weights."""
    first, second = cfg.train_cfg.stages
    if name in WEIGHTS:
        weigh(cfg, **WEIGHTS[name])
    elif (terms := PARTS[name]) is not None:
        added = set(second.loss_weights) - set(first.loss_weights)
        for term in added - set(terms):
            second.loss_weights.pop(term)
    if name == 'single hypothesis':
        cfg.model.head.decoder.decoding.update(num_hypotheses=1, window=None)
    if name == 'supervised':
        target = cfg.train_dataloader.dataset.target
        target.update(with_labels=True, domain='synthetic', pipeline=cfg.train_dataloader.dataset.synthetic.pipeline)
        cfg.train_dataloader.dataset = dict(
            type='PairedDataset', synthetic=target, length=cfg.train_dataloader.dataset.length)
    cfg.train_cfg.stages = [second]
    cfg.model.grad_log_interval = GRADIENTS_EVERY
    cfg.load_from = checkpoint
    return cfg


def weigh(cfg: Config, loss_weights: dict[str, float], rate: float, detach: bool = False) -> None:
    """Set the second stage's weights, and a constant rate of the detector.

    Networks that start in this stage keep their rates, so that few iterations show the effect of a trained
    discriminator.
    """
    first, second = cfg.train_cfg.stages
    rate *= Stage(**first).lr_at(first.epochs * 1000 - 1, iters_per_epoch=1000)
    factors = cfg.optim_wrapper.paramwise_cfg.custom_keys
    for name in ('physique', 'discriminator'):
        factors[name] = dict(lr_mult=factors.get(name, {}).get('lr_mult', 1.0) * second.lr / rate)
    second.loss_weights = loss_weights  # update() would keep the config's other terms
    second.update(lr=rate, schedule='constant', warmup_iters=0)
    cfg.model.losses.adversarial.detach = detach


def shares(hub: MessageHub) -> dict[str, float]:
    """Return each term's gradient norm on the heatmaps in % of that of ``render``, averaged over the last epoch."""
    norms = {name.removeprefix('train/grad/'): history.data[0].mean()
             for name, history in hub.log_scalars.items() if name.startswith('train/grad/')}
    return {f'share/{name}': 100.0 * norm / norms['render'] for name, norm in norms.items() if norms.get('render')}


def run(cfg: Config, work_dir: Path, seed: int, test: bool = True) -> dict[str, float]:
    """Train in ``work_dir`` and test; read an existing result."""
    result = work_dir / 'result.json'
    if result.is_file():
        return json.loads(result.read_text(encoding='utf-8'))
    cfg.work_dir, cfg.randomness.seed = str(work_dir), seed
    if (work_dir / 'last_checkpoint').is_file():
        cfg.resume, cfg.load_from = True, None
    prepare_sets(cfg, ['train', 'val', *['test'] * test])
    runner = Runner.from_cfg(cfg)
    runner.train()
    numbers = shares(runner.message_hub)
    if test:
        numbers.update({name: float(value) for name, value in runner.test().items()})
    write_atomically(result, lambda file: file.write(json.dumps(numbers, indent=2).encode()))
    return numbers


def table(results: dict[str, dict[int, dict[str, float]]], compared: str = 'parts') -> str:
    """Return a Markdown table with one row per variant and one number per seed."""
    columns = COLUMNS[compared]
    lines = ['| stage 2 | ' + ' | '.join(columns) + ' |', '|---' * (len(columns) + 1) + '|']
    for name, seeds in results.items():
        def cell(key: str, digits: int, seeds: dict = seeds) -> str:
            return ' / '.join(f'{numbers[key]:.{digits}f}' if key in numbers else '–' for numbers in seeds.values())
        lines.append(f'| {name} | ' + ' | '.join(cell(*column) for column in columns.values()) + ' |')
    return '\n'.join(lines)


def compare(args: argparse.Namespace) -> None:
    """Train and test every variant for every seed, and print the table."""
    cfg, out = load_config(args.config), Path(args.out)
    merge_options(cfg, args.cfg_options)
    results: dict[str, dict[int, dict[str, float]]] = {}
    for seed in args.seeds:
        base = out / f'seed_{seed}'
        checkpoint = args.stage_1
        if checkpoint is None:
            results.setdefault('stage 1 only', {})[seed] = run(first_stage(copy.deepcopy(cfg)), base / 'stage_1', seed)
            checkpoint = (base / 'stage_1' / 'last_checkpoint').read_text(encoding='utf-8').strip()
        for name in args.variants:
            changed = variant(copy.deepcopy(cfg), name, checkpoint)
            results.setdefault(name, {})[seed] = run(changed, base / name.replace(' ', '_'), seed)
            write_atomically(out / 'ablation.json', lambda file: file.write(json.dumps(results, indent=2).encode()))
    print(table(results, args.compare))


if __name__ == '__main__':
    sys.exit(run_command('mocap_ablation', parse_args, compare))
