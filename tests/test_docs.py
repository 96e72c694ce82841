"""What the docs name exists: links, files, commands and their options, components and their arguments."""
import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mmengine.registry import VISBACKENDS, WEIGHT_INITIALIZERS

from mmxas import registry
from mmxas.cli.commands import COMMANDS, FAMILIES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', ROOT / 'CHANGELOG.md', *sorted((ROOT / 'docs').glob('**/*.md'))]
# The docs shorten `mmxas/ops/x.py` to `ops/x.py`; a name alone may stand anywhere.
BASES = (ROOT, ROOT / 'mmxas')
FOLDERS = ('mmxas', 'tests', 'docs', 'configs')
# What a reader brings or a command writes.
READERS = re.compile(r'(work_dirs|data|annotation_body3d|.*\*.*)/|pairs_\d+\.npz|test_h36m_body3d\.npz|'
                     r'(boxes|masks_report|report|left_out|meta|my|metrics|ablation)\.json|my_config\.py')


def page_id(page: Path) -> str:
    """Its path in the checkout."""
    return page.relative_to(ROOT).as_posix()


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


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    dead = []
    for link in re.findall(r'\]\(([^)\s]+)\)', page.read_text(encoding='utf-8')):
        target, _, anchor = link.partition('#')
        path = (page.parent / target) if target else page
        if not link.startswith('http') and (not path.exists() or (anchor and anchor not in anchors(path))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_files_that_are_named_exist(page):
    everywhere = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob('*.*')}
    gone = []
    for name in re.findall(r'`([\w./{},*-]+\.(?:py|sh|json|npz|md|txt|yml|toml))`', page.read_text(encoding='utf-8')):
        choices = re.search(r'\{(.*)\}', name)
        for choice in choices[1].split(',') if choices else ['']:
            path = re.sub(r'\{.*\}', choice, name)
            found = path in everywhere or any((base / path).is_file() for base in BASES)
            if not found and not READERS.match(path):
                gone.append(path)
    assert gone == []


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_commands_exist(page):
    """Programs and targets are there, and know the options that they are given."""
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    wrong = []
    for words in commands(page.read_text(encoding='utf-8')):
        if words[:1] == ['make']:
            wrong += [w for w in words[1:] if '=' not in w and not re.search(rf'^{w}:', makefile, re.MULTILINE)]
        programs = [word for word in words if re.match(r'(tools|benchmarks|requirements)/[\w/]+\.(py|sh)$', word)]
        wrong += [program for program in programs if not (ROOT / program).is_file()]
        wrong += [w for w in words if re.match(r'configs/[\w/]+\.py$', w) and not (ROOT / w).is_file()]
        if programs and programs[0].endswith('.py') and (ROOT / programs[0]).is_file():
            wrong += unknown_options(ROOT / programs[0], words[words.index(programs[0]):])
        if words[:1] == ['mmxas'] and words[1:] and not set(words) & {'…', '...', 'COMMAND'}:
            name = ' '.join(words[1:3]) if words[1] in FAMILIES else words[1]
            module = {command.name: command.module for command in COMMANDS}.get(name)
            if module is not None:
                wrong += unknown_options(ROOT / f'{module.replace(".", "/")}.py', words)
            elif words[1] != '--help':
                wrong.append(f'mmxas {name}')
    assert wrong == []


def unknown_options(program: Path, words: list[str]) -> list[str]:
    """Options of a command line that its program does not declare, nor the command that it calls."""
    known = program.read_text(encoding='utf-8')
    if found := re.search(r'from mmxas\.cli\.(\w+) import main', known):
        known = (ROOT / 'mmxas' / 'cli' / f'{found[1]}.py').read_text(encoding='utf-8')
    if re.search(r'\badd_(run|cfg)_options\b', known):
        known += (ROOT / 'mmxas/cli/options.py').read_text(encoding='utf-8')
    options = [word.partition('=')[0] for word in words if word.startswith('--') and word != '--help']
    return [f'{program.name} {option}' for option in options if f"'{option}'" not in known]


def table_rows(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Heading and cells of each row of a page's tables, without their heads."""
    heading = ''
    for line in page.read_text(encoding='utf-8').splitlines():
        heading = line[3:] if line.startswith('## ') else heading
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if line.startswith('|') and not line.startswith(('| row |', '|---')):
            yield heading, cells


def test_every_row_of_the_paper_has_its_command_and_number():
    rows = [row for row in table_rows(ROOT / 'docs' / 'reproduce.md') if row[0] != 'What a row takes']
    assert {heading.partition(':')[0] for heading, _ in rows} == {
        'Table 1', 'Table 2', 'Table 3', 'Table 4', 'Figure 5'}
    named = set()
    for _, (row, command, paper, *yours) in rows:
        config = re.fullmatch(r'`python tools/train\.py (configs/\w+\.py)( --work-dir \S+ --cfg-options .+)?`', command)
        assert config and (ROOT / config[1]).is_file(), f'{row}: {command}'
        assert paper == 'not in the text' or re.fullmatch(r'[\d. /]+( cm)?', paper), f'{row}: {paper}'
        assert yours == [''], f'{row}: the last column is the reader\'s'
        named.add(config[1])
    trained = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').glob('xas_*.py')
               if not path.stem.startswith(('xas_mocap', 'xas_photos'))}
    no_row = {'configs/xas_h36m_mlp_disc.py', 'configs/xas_h36m_photo_backgrounds.py',
              'configs/xas_h36m_sharded.py'}  # choices that the paper does not have
    assert trained - named == no_row


def components() -> dict[str, type]:
    """Everything registered, by name."""
    registries = [VISBACKENDS, WEIGHT_INITIALIZERS, *(getattr(registry, kind) for kind in registry.__all__)]
    return {name: cls for one in registries for name, cls in one.module_dict.items()}


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_python_in_the_docs_names_what_exists(page):
    """Blocks parse; imports of mmxas import; components are registered and have the arguments that they are given."""
    known, wrong = components(), []
    trees = [ast.parse(block.replace('…', '...')) for block in blocks(page.read_text(encoding='utf-8'), 'python')]
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
                    wrong.append(name)
                elif name is not None:
                    unknown = set(given) - accepted(known[name]) - {'_delete_'}
                    wrong += [f'{name}({argument}=)' for argument in unknown]
    assert wrong == []


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


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_nothing_of_one_machine(page):
    text = page.read_text(encoding='utf-8')
    assert re.findall(r'(?:^|[\s`(])(/(?:work|home|root|tmp|Users)/\S*)|TODO|FIXME|XXX', text) == []


def test_every_command_has_its_line_in_the_docs():
    rows = [cells for heading, cells in table_rows(ROOT / 'docs' / 'commands.md') if cells[0].startswith('`mmxas ')]
    assert [(name.strip('`'), summary) for name, summary, _ in rows] == [
        (f'mmxas {command.name}', command.summary) for command in COMMANDS]
    for name, _, program in rows:
        program = program.strip('`')
        assert program == 'python -m mmxas.check' or f'is ``{name.strip("`")}``' in (ROOT / program).read_text('utf-8')


def test_the_index_has_a_line_for_every_page():
    index = (ROOT / 'docs' / 'README.md').read_text(encoding='utf-8')
    listed = re.findall(r'^\* \[[^\]]+\]\((\w+\.md)\): .+$', index, re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (ROOT / 'docs').glob('*.md') if page.name != 'README.md')


def test_the_pages_of_the_site_are_those_of_the_index():
    pages = yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))['nav']
    assert sorted(pages) == sorted(page.name for page in (ROOT / 'docs').glob('*.md'))


def test_every_picture_is_shown():
    text = ''.join(page.read_text(encoding='utf-8') for page in PAGES)
    pictures = [path.name for path in (ROOT / 'docs' / 'images').iterdir() if path.name != 'NOTICE']
    assert [name for name in pictures if f'images/{name})' not in text] == []
