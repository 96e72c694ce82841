"""Every command of docs/reproduce.md, in its order, to the numbers of its row; and every other config."""
import json
import math
from pathlib import Path

import pytest

from mmxas.apis.command_line import load_config

from .docs_commands import ROOT, Command, commands, in_comment, of_config
from .workshop import DOCS, Workshop

ROWS = commands(DOCS / 'reproduce.md')
CONFIGS = sorted(path.relative_to(ROOT).as_posix() for folder in ('configs', 'projects/animal/configs')
                 for path in (ROOT / folder).glob('*.py'))
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


def check_row(workshop: Workshop, command: Command) -> None:
    """What a reader looks for behind a command: each metric's file, with its numbers, and the rows of the paper."""
    results = workshop.path('work_dirs') / Path(command.config).stem / 'results'
    evaluators = load_config(str(ROOT / command.config)).test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        content = json.loads((results / f'{evaluator["type"]}.json').read_text(encoding='utf-8'))
        found = numbers(content)
        assert found and all(map(math.isfinite, found))
        assert content['checkpoint']['file'] is None or Path(content['checkpoint']['file']).suffix == '.pth'


@pytest.mark.parametrize('command', [*ROWS, *ANIMALS, *OTHERS], ids=str)
def test_a_command_reaches_its_row(prepared: Workshop, command: Command):
    first = command.tool.endswith('.py') and prepared.once(f'process {command.tool}')
    prepared.run(command, process=first)
    if command.tool != 'tools/synthesize.py':
        check_row(prepared, command)


def test_every_config_is_rehearsed():
    trained = {command.config for command in [*ROWS, *ANIMALS, *OTHERS]
               if command.tool in ('tools/train.py', 'tools/dist_train.sh')}
    assert trained == set(CONFIGS)
