"""The commands that a page of the docs gives, with the counts that a rehearsal makes small."""
from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmxas.apis.configs import load_config

ROOT = Path(__file__).parents[2]
PROGRAM = re.compile(r'(?:python )?(?:tools|projects/free_bodies)/[\w/]+\.(?:py|sh)\b')
SIZE, BATCH, PAIRS, PROCESSES = 64, 2, 4, 2
PLACES = {'CONFIG', 'CHECKPOINT', 'FOLDER', 'NAME', 'OUT'}  # commands with these are patterns
HAVE_WORKERS = ('tools/synthesize.py', 'tools/generate_masks.py')
TAKE_OPTIONS = ('tools/train.py', 'tools/test.py', 'tools/dist_train.sh', 'tools/synthesize.py')


@dataclass(frozen=True)
class Command:
    """A command of a page, as it stands there.

    Attributes:
        page: Name of the page.
        section: The heading above it.
        text: The line.
    """

    page: str
    section: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words, without python."""
        words = shlex.split(self.text, comments=True)
        return words[1:] if words[0] == 'python' else words

    @property
    def tool(self) -> str:
        """The program, such as ``tools/train.py``."""
        return self.words[0]

    @property
    def config(self) -> str | None:
        """The config that it names, if any."""
        return next((word for word in self.words if re.fullmatch(r'[\w/]*configs/\w+\.py', word)), None)

    def __str__(self) -> str:
        return f'{Path(self.page).stem}: {self.text}'


def commands(page: Path) -> list[Command]:
    """Every command of a page once, in its order: lines of shell blocks, and inline code."""
    found: dict[str, Command] = {}
    for command in _commands(page):
        found.setdefault(command.text, command)
    return list(found.values())


def _commands(page: Path) -> Iterator[Command]:
    sections = re.split(r'^#+ (.+)\n', page.read_text(encoding='utf-8'), flags=re.MULTILINE)
    for heading, text in zip(sections[1::2], sections[2::2], strict=True):
        for match in re.finditer(r'^```(\w*)\n(.*?)^```$|`([^`\n]+)`', text, re.MULTILINE | re.DOTALL):
            language, block, inline = match.groups()
            if inline is None and language not in ('', 'bash'):
                continue
            for line in [inline] if inline is not None else block.replace('\\\n', ' ').splitlines():
                words = line.split()
                if PROGRAM.match(line) and len(words) > 1 + line.startswith('python') and not PLACES & set(words):
                    yield Command(page.name, heading, re.sub(r' +', ' ', line.strip()))


def in_little(command: Command) -> list[str]:
    """The command's words with small counts: pairs, epochs, batches, processes, and the size of crops."""
    words = [re.sub(r'/epoch_\d+\.pth$', '/epoch_2.pth', word) for word in command.words]
    if command.tool.endswith('dist_train.sh'):
        words[2] = str(PROCESSES)
    if command.tool in HAVE_WORKERS:
        words += ['--workers', '0']
    if command.tool == 'tools/generate_masks.py':
        words += ['--limit', str(PAIRS)]
    if command.config is None or command.tool not in TAKE_OPTIONS:
        return words
    counts = small_counts(command.config)
    if command.tool.endswith('dist_train.sh'):
        counts['train_dataloader.dataset.length'] *= PROCESSES
    return [*words, '--cfg-options', *(f'{key}={value}' for key, value in counts.items())]


def small_counts(config: str) -> dict[str, Any]:
    """What ``--cfg-options`` makes small in a config, key by key."""
    cfg = load_config(str(ROOT / config))
    options: dict[str, Any] = {'xas.crop_size': SIZE, 'train_dataloader.dataset.length': BATCH,
                               'default_hooks.checkpoint.interval': len(cfg.train_cfg.stages)}
    for part in ('train_dataloader', 'val_dataloader', 'test_dataloader', 'synthesis'):
        for key, value in _leaves(cfg.get(part), part):
            if key.endswith('.num') and value is not None:
                options[key] = PAIRS
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options |= {f'{loader}.batch_size': BATCH, f'{loader}.num_workers': 0, f'{loader}.persistent_workers': False}
    for number, stage in enumerate(cfg.train_cfg.stages):
        options[f'train_cfg.stages.{number}.epochs'] = 1
        if 'milestones' in stage:
            options[f'train_cfg.stages.{number}.milestones'] = '[]'
    return options


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Keys and values of a config's tree."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f'{path}.{key}')
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _leaves(value, f'{path}.{number}')
    else:
        yield path, node


def of_config(config: str) -> Command:
    """The command that trains a config of which no page gives one."""
    return Command(config, '', f'python tools/train.py {config}')


def in_comment(config: str) -> Command:
    """The command in a config's own first comment."""
    comment = ' '.join(line[2:] for line in (ROOT / config).read_text(encoding='utf-8').splitlines()
                       if line.startswith('# '))
    return replace(of_config(config), text=re.search(r'tools/dist_train\.sh \S+ \d+', comment)[0])
