"""What holds for every file: a mirrored test, no branch on a species, errors described, an entry in the model index."""
import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / 'mmxas').rglob('*.py') if '.mim' not in path.parts)
CONFIGS = sorted(path.relative_to(ROOT) for path in (ROOT / 'configs').glob('*.py'))

# Tests in a mirrored folder that mirror no module, each with the reason.
WITHOUT_MODULE = {
    'tests/test_docs.py': 'README.md and docs',
    'tests/test_project_files.py': 'workflows, forms, hooks and the Dockerfile',
    'tests/test_packaging.py': 'the wheel and the files of the checkout',
    'tests/test_parity.py': 'recorded vectors, of several modules',
    'tests/test_structure.py': 'all modules',
    'tests/test_ops/test_examples.py': 'the examples in the docstrings of all operators',
}

# What no condition asks for.
SPECIES = {
    'animal', 'bear', 'bird', 'canine', 'cat', 'cow', 'deer', 'dog', 'elephant', 'feline', 'giraffe', 'goat', 'hippo',
    'horse', 'human', 'lion', 'macaque', 'man', 'monkey', 'mouse', 'people', 'person', 'pig', 'quadruped', 'rabbit',
    'rat', 'sheep', 'species', 'tiger', 'wolf', 'woman', 'zebra',
}
CONCATENATION = re.compile(r'\btorch\.cat\b|\bdet_cat_ids\b')  # the latter is mmpose's name of a detector's categories
DATA_SETS = re.compile(r'MocapHuman|mocap_human|Human3\.6M|human36m', re.IGNORECASE)


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse((ROOT / path).read_text(encoding='utf-8'))


def mirrored(module: Path) -> Path:
    """The test of a module: ``mmxas/a/b/c.py`` has ``tests/test_a/test_b/test_c.py``, ``__init__.py`` ``test_init``."""
    *folders, name = module.relative_to('mmxas').parts
    return Path('tests', *(f'test_{folder}' for folder in folders), f'test_{name.replace("__init__", "init")}')


def has_code(module: Path) -> bool:
    """Whether a file does or defines anything: a package that imports and names only does not."""
    no_code = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    return any(not isinstance(node, no_code) for node in tree_of(module).body)


def words(text: str) -> set[str]:
    """The words of a text and of its identifiers, in lower case, also without an s: ``drawDogs`` holds ``dog``."""
    found = {word.lower() for word in re.findall(r'[A-Z]?[a-z]+|[A-Z]+(?![a-z])', text)}
    return found | {word.removesuffix('s') for word in found}


def conditions(tree: ast.AST) -> Iterator[ast.AST]:
    """What a program branches on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Match):
            yield node.subject
            yield from (case.pattern for case in node.cases)


def names_a_species(condition: str) -> bool:
    """Whether what a program branches on is a species."""
    return bool(words(DATA_SETS.sub('', CONCATENATION.sub('', condition))) & SPECIES)


def index() -> list[dict]:
    """The metafiles that ``model-index.yml`` names."""
    names = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))['Import']
    return [yaml.safe_load((ROOT / name).read_text(encoding='utf-8')) for name in names]


def test_each_module_with_code_has_its_mirrored_test():
    wanted = {mirrored(module) for module in MODULES if has_code(module)}
    assert len(wanted) > 80
    assert sorted(path.as_posix() for path in wanted if not (ROOT / path).is_file()) == []


def test_every_test_in_a_mirrored_folder_mirrors_a_module():
    """A module that was renamed takes its test along."""
    known = {mirrored(module) for module in MODULES} | {Path(name) for name in WITHOUT_MODULE}
    folders = {mirrored(module).parent for module in MODULES}
    found = {path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).glob('test_*.py')}
    assert sorted(path.as_posix() for path in found - known) == []


def test_nothing_branches_on_a_species():
    branches = [(module.as_posix(), ast.unparse(node)) for module in MODULES for node in conditions(tree_of(module))]
    assert len(branches) > 300
    assert [branch for branch in branches if names_a_species(branch[1])] == []


@pytest.mark.parametrize('text', [
    "if species == 'x':\n    pass", "a = 1 if self.skeleton.name.startswith('human') else 2",
    '[d for d in x if d.is_dog]', "match name:\n    case 'horses':\n        pass"])
def test_a_branch_on_a_species_would_be_seen(text):
    assert any(names_a_species(ast.unparse(node)) for node in conditions(ast.parse(text)))


def test_every_shipped_data_file_is_named_in_the_notice_beside_it():
    files = [path for path in (ROOT / 'mmxas').rglob('*') if 'data' in path.parent.relative_to(ROOT).parts
             and path.is_file() and path.suffix != '.pyc' and path.name != 'NOTICE' and '.mim' not in path.parts]
    assert len(files) > 15
    unnamed = [path for path in files if not (path.parent / 'NOTICE').is_file()
               or path.name not in (path.parent / 'NOTICE').read_text(encoding='utf-8')]
    assert [path.relative_to(ROOT).as_posix() for path in unnamed] == []


def test_every_config_is_in_the_model_index_once():
    listed = [model['Config'] for metafile in index() for model in metafile['Models']]
    of_projects = [path.relative_to(ROOT) for path in (ROOT / 'projects').glob('*/configs/*.py')]
    assert len(CONFIGS) >= 7 and of_projects
    assert sorted(listed) == sorted(path.as_posix() for path in [*CONFIGS, *of_projects])


def test_the_model_index_is_whole():
    collections = {collection['Name']: collection for metafile in index() for collection in metafile['Collections']}
    assert all((ROOT / collection['README']).is_file() for collection in collections.values())
    for model in (model for metafile in index() for model in metafile['Models']):
        assert model['In Collection'] in collections
        assert model['Name'] == Path(model['Config']).stem
        assert model['Metadata']['Training Data']
        for result in model['Results']:
            assert result['Task'] and result['Dataset']
            assert all(isinstance(value, int | float) for value in (result.get('Metrics') or {}).values())


def public_functions() -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Name, node and class docstring of every public function, method and constructor of the package."""
    for module in MODULES:
        yield from functions_of(tree_of(module), module.as_posix(), '')


def functions_of(node: ast.Module | ast.ClassDef, name: str, doc: str) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """The same of one file or class."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith('_'):
            yield from functions_of(child, f'{name} {child.name}', ast.get_docstring(child) or '')
        elif isinstance(child, ast.FunctionDef) and (child.name == '__init__' or not child.name.startswith('_')):
            yield f'{name} {child.name}', child, doc


def test_what_public_functions_raise_is_described():
    """Ruff's rule for it (DOC501) is a preview, and asks private functions too."""
    silent = []
    for name, function, doc in public_functions():
        raised = {ast.unparse(node.exc).partition('(')[0] for node in ast.walk(function)
                  if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)} - {'NotImplementedError'}
        described = f'{ast.get_docstring(function) or ""} {doc}'
        silent += [f'{name}: {error}' for error in sorted(raised) if error.rpartition('.')[2] not in described]
    assert silent == []
