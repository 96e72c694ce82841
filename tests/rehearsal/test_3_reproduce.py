"""Every command of docs/reproduce.md, in its order, to the numbers of its row; and every other config."""
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from mmxas.apis.configs import load_config, merge_options
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.registry import DATASETS
from mmxas.synthesis.pair_generator import PairGenerator

from .docs_commands import PAIRS, ROOT, SIZE, Command, commands, in_comment, of_config, small_counts
from .workshop import DOCS, Workshop

ROWS = commands(DOCS / 'reproduce.md')
CONFIGS = sorted(path.relative_to(ROOT).as_posix() for folder in ('configs', 'projects/animal/configs')
                 for path in (ROOT / folder).glob('*.py'))
TRAIN = next(command for command in ROWS if command.tool == 'tools/train.py')
STEPS = ROWS[:ROWS.index(TRAIN)]  # "Each row takes the same steps with its own config"
ANIMALS = [command for command in commands(DOCS / 'animals.md') if command.tool in ('tools/train.py', )]
SHARDED = [config for config in CONFIGS if 'sharded' in config]
NAMED = {command.config for command in [*ROWS, *ANIMALS]}
OTHERS = [in_comment(config) if config in SHARDED else of_config(config) for config in CONFIGS if config not in NAMED]


@pytest.fixture(scope='module')
def prepared(workshop: Workshop) -> Workshop:
    """All downloads, and what the converters made of them."""
    workshop.prepared()
    return workshop


def numbers(node: object) -> list[float]:
    """All numbers of a json."""
    if isinstance(node, dict):
        return [number for value in node.values() for number in numbers(value)]
    if isinstance(node, list):
        return [number for value in node for number in numbers(value)]
    return [node] if isinstance(node, float) else []


def steps_before(command: Command) -> list[Command]:
    """The steps that come before a training, with its config; masks of the page's own rows alone."""
    if command.tool == 'tools/test.py' or command in STEPS:
        return []
    return [replace(step, text=step.text.replace(TRAIN.config, command.config)) for step in STEPS
            if command in ROWS or step.tool == 'tools/synthesize.py']


def check_row(workshop: Workshop, command: Command) -> None:
    """What a reader looks for behind a command: each metric's file, with its numbers, and the rows of the paper."""
    results = workshop.path('work_dirs') / Path(command.config).stem / 'results'
    cfg = load_config(str(ROOT / command.config))
    evaluators = cfg.test_evaluator if command.tool == 'tools/test.py' else cfg.val_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        content = json.loads((results / f'{evaluator["type"]}.json').read_text(encoding='utf-8'))
        found = numbers(content)
        assert found and all(map(math.isfinite, found))
        assert content['checkpoint']['file'] is None or Path(content['checkpoint']['file']).suffix == '.pth'


def remove_checkpoints(workshop: Workshop, command: Command) -> None:
    """Nearly a gigabyte a config, of which another command needs the last of some."""
    folder = Path('work_dirs') / Path(command.config).stem
    for path in workshop.path(folder).glob('*.pth'):
        if path.name != 'epoch_2.pth' or not any(f'{folder}/' in other.text for other in [*ROWS, *ANIMALS]):
            path.unlink()


@pytest.mark.parametrize('command', [*ROWS, *ANIMALS, *OTHERS], ids=str)
def test_a_command_reaches_its_row(prepared: Workshop, command: Command):
    prepared.once(command.text)
    if command.tool.endswith('.py') and prepared.once(f'process {command.tool}'):
        prepared.run(command, process=True)
    for step in steps_before(command):
        if prepared.once(step.text):
            prepared.run(step)
    # A training that finds another one's checkpoints is refused, and one config is trained by several commands here.
    prepared.path(f'work_dirs/{Path(command.config).stem}/last_checkpoint').unlink(missing_ok=True)
    prepared.run(command)
    if command not in STEPS:
        check_row(prepared, command)
        remove_checkpoints(prepared, command)


@pytest.mark.parametrize('config', [
    'configs/xas_h36m.py', 'configs/xas_mpi_inf_3dhp_released.py', 'configs/xas_h36m_sur.py',
    'projects/animal/configs/xas_dog_stanfordext.py'])
def test_the_background_is_black_in_all_crops(prepared: Workshop, config: str):
    """Of pairs, targets and tests: a detector that is trained on one kind of background meets no other."""
    with prepared.inside():
        cfg = load_config(config)
        merge_options(cfg, {key: value for key, value in small_counts(config).items() if 'milestones' not in key})
        share_config(cfg)
        prepare_sets(cfg)
        pairs, tests = (DATASETS.build(cfg[loader].dataset) for loader in ('train_dataloader', 'test_dataloader'))
        pairs.activate({'synthetic', 'target'})
        samples = [*pairs[0], tests[0], tests[len(tests) - 1]]
    for sample in samples:
        empty = sample['data_samples'].gt_fields.mask.numpy().reshape(SIZE, SIZE) == 0
        assert 0.2 < empty.mean() < 0.99
        assert (sample['inputs'].numpy()[:, empty] == 0).all()


def test_textures_are_of_the_bodys_gender_and_none_of_the_test_split(prepared: Workshop):
    """Red ones are female, blue ones male, green ones SURREAL's for testing."""
    with prepared.inside():
        cfg = load_config('configs/xas_h36m.py')
        merge_options(cfg, {'xas.crop_size': SIZE, 'xas.num_pairs': PAIRS})
        generator = PairGenerator.from_config(cfg.train_dataloader.dataset.synthetic.generator, seed=0,
                                              skeleton=cfg.model.skeleton)
        pairs = [generator.generate(i) for i in range(8)]
    assert {pair.body for pair in pairs} == {0, 1}
    for pair in pairs:
        blue, green, red = pair.image[pair.mask > 0].mean(axis=0)
        assert max(green, blue if pair.body == 0 else red) < 0.6 * (red if pair.body == 0 else blue)


def test_rendering_is_the_first_step():
    assert [step.tool for step in STEPS] == ['tools/synthesize.py', 'tools/generate_masks.py']
    assert all(step.config == TRAIN.config for step in STEPS)


def test_every_config_is_rehearsed():
    trained = {command.config for command in [*ROWS, *ANIMALS, *OTHERS]
               if command.tool in ('tools/train.py', 'tools/dist_train.sh')}
    assert trained == set(CONFIGS)
