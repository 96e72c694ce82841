"""What the docs name exists: links, files, commands and their options, components and their arguments."""
import ast
import html
import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

import yaml
from mmengine.registry import VISBACKENDS, WEIGHT_INITIALIZERS

from mmxas import registry
from mmxas.cli.commands import COMMANDS, FAMILIES, find_command

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('**/*.md'))]
# The docs shorten `mmxas/ops/x.py` to `ops/x.py`; a name alone may stand anywhere.
BASES = (ROOT, ROOT / 'mmxas')
FOLDERS = ('mmxas', 'tests', 'docs', 'configs')
# What a reader brings or a command writes.
READERS = re.compile(r'(work_dirs|lizard|data|out|annotation_body3d|.*\*.*)/|pairs_\d+\.npz|test_h36m_body3d\.npz|'
                     r'(boxes|masks_report|report|left_out|meta|my|metrics|ablation|video)\.json|poses\.npz|my_config\.py')


def blocks(text: str, *languages: str) -> list[str]:
    """Fenced code blocks in any of the languages."""
    found = re.findall(r'^```(\w*)\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    return [block for language, block in found if language in languages]


def prose(text: str) -> str:
    """The text without its blocks, in one line."""
    return re.sub(r'^```.*?^```$', '', text, flags=re.MULTILINE | re.DOTALL).replace('\n', ' ')


def commands(text: str) -> Iterator[list[str]]:
    """Words of each command in the shell blocks and in inline code."""
    lines = [line for block in blocks(text, '', 'bash') for line in block.replace('\\\n', ' ').splitlines()]
    lines += re.findall(r'`((?:OMP_NUM_THREADS=1 )?(?:python |make |tools/|mmxas )[^`]*)`', prose(text))
    for line in lines:
        yield shlex.split(line, comments=True)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.*)$', page.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def faults(look: Callable[[Path, str], Iterator[str]]) -> list[str]:
    """What is found on all pages, each with its page."""
    return [f'{page.relative_to(ROOT)}: {fault}' for page in PAGES
            for fault in look(page, page.read_text(encoding='utf-8'))]


def dead_links(page: Path, text: str) -> Iterator[str]:
    """Links to no file or heading of the checkout."""
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        target, _, anchor = link.partition('#')
        path = (page.parent / target) if target else page
        if not link.startswith('http') and (not path.exists() or (anchor and anchor not in anchors(path))):
            yield link


def test_links_lead_somewhere():
    assert faults(dead_links) == []


@cache
def file_names() -> set[str]:
    """The names of the checkout's files."""
    return {path.name for folder in FOLDERS for path in (ROOT / folder).rglob('*.*')}


def missing_files(page: Path, text: str) -> Iterator[str]:
    """Files that are named and not there."""
    for name in re.findall(r'`([\w./{},*-]+\.(?:py|sh|json|npz|md|txt|yml|toml))`', text):
        choices = re.search(r'\{(.*)\}', name)
        for choice in choices[1].split(',') if choices else ['']:
            path = re.sub(r'\{.*\}', choice, name)
            found = path in file_names() or any((base / path).is_file() for base in BASES)
            if not found and not READERS.match(path):
                yield path


def test_files_that_are_named_exist():
    assert faults(missing_files) == []


def wrong_commands(page: Path, text: str) -> Iterator[str]:
    """Programs and targets that are not there, or do not know the options that they are given."""
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    for words in commands(text):
        if words[:1] == ['make']:
            yield from [w for w in words[1:] if '=' not in w and not re.search(rf'^{w}:', makefile, re.MULTILINE)]
        programs = [word for word in words if re.match(r'(tools|benchmarks|requirements)/[\w/]+\.(py|sh)$', word)]
        yield from [program for program in programs if not (ROOT / program).is_file()]
        yield from [w for w in words if re.match(r'configs/[\w/]+\.py$', w) and not (ROOT / w).is_file()]
        if programs and programs[0].endswith('.py') and (ROOT / programs[0]).is_file():
            yield from unknown_options(ROOT / programs[0], words[words.index(programs[0]):])
        if words[:1] == ['mmxas'] and words[1:] and not set(words) & {'…', '...', 'COMMAND'}:
            name = ' '.join(words[1:3]) if words[1] in FAMILIES else words[1]
            if name in {command.name for command in COMMANDS}:
                yield from unknown_of(f'mmxas {name}', options_of(name), words)
            elif words[1] != '--help':
                yield f'mmxas {name}'


def unknown_options(program: Path, words: list[str]) -> list[str]:
    """Options of a command line that its program does not declare, nor the command that it calls."""
    source = program.read_text(encoding='utf-8')
    if found := re.search(r'is ``mmxas ([\w -]+)``', source):
        return unknown_of(program.name, options_of(found[1]), words)
    if 'add_cfg_options' in source:
        source += (ROOT / 'mmxas/cli/options.py').read_text(encoding='utf-8')
    return unknown_of(program.name, set(re.findall(r"'(--[\w-]+)'", source)), words)


@cache
def options_of(name: str) -> set[str]:
    """Options of a subcommand, by its own ``--help``."""
    command, text = find_command(name), StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        getattr(import_module(command.module), command.function)(['--help'])
    return set(re.findall(r'(?<![\w-])--[\w-]+', text.getvalue()))


def unknown_of(name: str, known: set[str], words: list[str]) -> list[str]:
    """Options of a command line that are not known, each after the program's name."""
    options = [word.partition('=')[0] for word in words if word.startswith('--')]
    return [f'{name} {option}' for option in options if option not in {*known, '--help'}]


def test_commands_exist():
    assert faults(wrong_commands) == []


def components() -> dict[str, type]:
    """Everything registered, by name."""
    registries = [VISBACKENDS, WEIGHT_INITIALIZERS, *(getattr(registry, kind) for kind in registry.__all__)]
    return {name: cls for one in registries for name, cls in one.module_dict.items()}


def wrong_python(page: Path, text: str) -> Iterator[str]:
    """Components that are not registered, or lack the arguments that they are given.

    Raises:
        ImportError: A block imports from mmxas what is not there.
        SyntaxError: A block is no Python.
    """
    known = components()
    trees = [ast.parse(block.replace('…', '...')) for block in blocks(text, 'python')]
    own = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith('mmxas'):
                scope: dict = {}
                exec(ast.unparse(node), scope)
            if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'dict':
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                name = getattr(given.pop('type', None), 'value', None)
                if name in own:
                    continue
                if name is not None and name not in known:
                    yield name
                elif name is not None:
                    unknown = set(given) - accepted(known[name]) - {'_delete_'}
                    yield from [f'{name}({argument}=)' for argument in unknown]


def accepted(cls: type) -> set[str]:
    """Names of a class's arguments, its bases' included where it passes on the rest."""
    names: set[str] = set()
    for base in inspect.getmro(cls):
        if '__init__' not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        names |= {parameter.name for parameter in parameters}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names


def test_python_in_the_docs_names_what_exists():
    assert faults(wrong_python) == []


def test_no_path_is_one_machines():
    assert faults(lambda _, text: re.findall(r'(?:^|[\s`(])(/(?:work|home|root|tmp|Users)/\S*)', text)) == []


def test_every_command_has_its_line_in_the_docs():
    lines = (ROOT / 'docs' / 'commands.md').read_text(encoding='utf-8').splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if line.startswith('| `mmxas ')]
    assert [(name.strip('`'), summary) for name, summary, _ in rows] == [
        (f'mmxas {command.name}', command.summary) for command in COMMANDS]
    for name, _, program in rows:
        program = program.strip('`')
        assert program == 'python -m mmxas.check' or f'is ``{name.strip("`")}``' in (ROOT / program).read_text('utf-8')


def test_the_index_and_the_site_have_every_page():
    index = (ROOT / 'docs' / 'README.md').read_text(encoding='utf-8')
    listed = re.findall(r'^\* \[[^\]]+\]\((\w+\.md)\): .+$', index, re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (ROOT / 'docs').glob('*.md') if page.name != 'README.md')
    text = re.sub(r'!!python/\S+', '', (ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))
    groups = yaml.safe_load(text)['nav']
    assert [name for group in groups for name in group] == ['Start', 'Guides', 'Reference', 'Development']
    pages = [page for group in groups for page in leaves(group)]
    files = (ROOT / 'docs').glob('**/*.md')
    assert sorted(pages) == sorted(path.relative_to(ROOT / 'docs').as_posix() for path in files)


def leaves(entry: object) -> Iterator[str]:
    """The files of an entry of the site's navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from leaves(part)


def test_the_live_page_is_small_keeps_its_notice_and_is_made_by_this_program():
    page, notice = ROOT / 'docs/live/walking.html', (ROOT / 'docs/live/NOTICE').read_text(encoding='utf-8')
    text = page.read_text(encoding='utf-8')
    assert page.stat().st_size <= 3_000_000
    assert 'BSD 3-Clause License' in notice and html.escape(notice) in text
    parts = (ROOT / 'mmxas/visualization/data').glob('page.[cj]s*')
    stale = [part.name for part in parts if part.read_text(encoding='utf-8') not in text]
    assert stale == [], 'make it again: docs/video.md'
