"""What stage 2 is worth: ``python tools/analysis/mocap_ablation.py CONFIG --seeds 0 1 --out DIR``

Trains stage 1 once a seed, or takes ``--stage-1``; from it, each for as long, several second stages. ``--compare
parts``: the control (stage 1's losses alone), mask alone, discriminator alone, both, both with the single-hypothesis
detector of eq. 2, and the supervised upper bound (the target's labels in place of the synthetic pairs). ``--compare
weights``: the three terms of eq. 17 by the paper's weights and by others, and how large the gradients of mask and
discriminator then are. Writes ``ablation.json`` and prints the table; what is there is kept.
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

# Terms that stage 2 keeps, of those that stage 1 has not; None keeps all.
PARTS = {'control': (), 'mask': ('mask', ), 'discriminator': ('adversarial', ), 'mask + discriminator': None,
         'single hypothesis': None, 'supervised': ()}
# "render alone" sees the targets, too, and learns nothing of them: without targets its pairs would be augmented by
# other random numbers, which moves MPJPE by up to a millimetre.
SEEN = dict(mask=1e-9, adversarial=1e-9)
# In place of the config's: terms and their weights, and the detector's rate in multiples of stage 1's last one (5 in
# the paper, 1 in the authors' code).
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

# Heading of a column: name of the number, digits.
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
    parser.add_argument('--variants', nargs='+', help='some of those that are compared; default: all')
    add_cfg_options(parser)
    args = parser.parse_args(arguments)
    args.variants = args.variants or [*COMPARED[args.compare]]
    if unknown := [name for name in args.variants if name not in COMPARED[args.compare]]:
        parser.error(f'--variants: {unknown[0]!r} is none of {", ".join(COMPARED[args.compare])}')
    return args


def first_stage(cfg: Config) -> Config:
    """The config cut to its first stage."""
    cfg.train_cfg.stages = cfg.train_cfg.stages[:1]
    return cfg


def variant(cfg: Config, name: str, checkpoint: str) -> Config:
    """The config cut to its second stage with a variant's losses, from stage 1's weights."""
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
    """Give the second stage these weights, and the detector a constant rate.

    The networks that begin in this stage keep their rates: few iterations then show what a trained discriminator does.
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
    """Norm of each term's gradient on the heatmaps in % of that of ``render``, both averaged over the last epoch."""
    norms = {name.removeprefix('train/grad/'): history.data[0].mean()
             for name, history in hub.log_scalars.items() if name.startswith('train/grad/')}
    return {f'share/{name}': 100.0 * norm / norms['render'] for name, norm in norms.items() if norms.get('render')}


def run(cfg: Config, work_dir: Path, seed: int, test: bool = True) -> dict[str, float]:
    """Train in ``work_dir`` and test; read the result where it is there already."""
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
    """Markdown: a row a variant, a number a seed."""
    columns = COLUMNS[compared]
    lines = ['| stage 2 | ' + ' | '.join(columns) + ' |', '|---' * (len(columns) + 1) + '|']
    for name, seeds in results.items():
        def cell(key: str, digits: int, seeds: dict = seeds) -> str:
            return ' / '.join(f'{numbers[key]:.{digits}f}' if key in numbers else '–' for numbers in seeds.values())
        lines.append(f'| {name} | ' + ' | '.join(cell(*column) for column in columns.values()) + ' |')
    return '\n'.join(lines)


def compare(args: argparse.Namespace) -> None:
    """Train and test every variant of every seed, and print the table."""
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
