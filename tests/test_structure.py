"""What holds for every file: a mirrored test, no species in the code, a docstring, an entry in the model index."""
import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / 'mmxas').rglob('*.py') if '.mim' not in path.parts)
CONFIGS = sorted(path.relative_to(ROOT) for path in (ROOT / 'configs').glob('*.py'))

# Modules without a mirrored test, each with the reason.
WITHOUT_TEST: dict[str, str] = {}
# Tests in a mirrored folder that mirror no module, each with the reason.
WITHOUT_MODULE = {
    'tests/test_docs.py': 'README.md and docs',
    'tests/test_packaging.py': 'the wheel and the files of the checkout',
    'tests/test_parity.py': 'recorded vectors, of several modules',
    'tests/test_structure.py': 'all modules',
    'tests/test_ops/test_examples.py': 'the examples in the docstrings of all operators',
}

SPECIES = {
    'animal', 'bear', 'bird', 'canine', 'cat', 'cow', 'deer', 'dog', 'elephant', 'feline', 'giraffe', 'goat', 'hippo',
    'horse', 'lion', 'macaque', 'monkey', 'mouse', 'pig', 'quadruped', 'rabbit', 'rat', 'sheep', 'tiger', 'wolf',
    'zebra',
}
# No condition asks for these either; elsewhere a sentence may say what something was made for.
NO_CONDITION = SPECIES | {'human', 'man', 'people', 'person', 'species', 'woman'}
CONCATENATION = re.compile(r'\btorch\.cat\b|\bdet_cat_ids\b')  # the latter is mmpose's name of a detector's categories
DATA_SETS = re.compile(r'MocapHuman|mocap_human|Human3\.6M|human36m', re.IGNORECASE)
# What the package is for, said once.
MAY_SAY = {'mmxas/__init__.py': {'animal'}}


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse((ROOT / path).read_text(encoding='utf-8'))


def mirrored(module: Path) -> Path:
    """The test of a module: ``mmxas/a/b/c.py`` has ``tests/test_a/test_b/test_c.py``, ``__init__.py`` ``test_init``."""
    *folders, name = module.relative_to('mmxas').parts
    return Path('tests', *(f'test_{folder}' for folder in folders), f'test_{name.replace("__init__", "init")}')


def definitions(module: Path) -> set[str]:
    """Names of the functions, classes and constants that a module defines at its top."""
    names = set()
    for node in tree_of(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)} - {'__all__'}
    return names


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
    return bool(words(DATA_SETS.sub('', CONCATENATION.sub('', condition))) & NO_CONDITION)


def index() -> list[dict]:
    """The metafiles that ``model-index.yml`` names."""
    names = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))['Import']
    return [yaml.safe_load((ROOT / name).read_text(encoding='utf-8')) for name in names]


def test_each_module_with_code_has_its_mirrored_test():
    wanted = {mirrored(module) for module in MODULES if has_code(module) and module.as_posix() not in WITHOUT_TEST}
    assert len(wanted) > 80
    assert sorted(path.as_posix() for path in wanted if not (ROOT / path).is_file()) == []


def identifiers(path: Path) -> set[str]:
    """Identifiers of a file, and those inside its strings."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding='utf-8')).readline)
    kept = (token.string for token in tokens if token.type in (tokenize.NAME, tokenize.STRING))
    return {name for string in kept for name in re.findall(r'\w+', string)}


def test_a_mirrored_test_is_about_its_module():
    """A file at the right place that names nothing of the module, nor do its fixtures, would satisfy the list alone."""
    strangers = []
    for module in filter(has_code, MODULES):
        test = ROOT / mirrored(module)
        if module.name == '__init__.py' or not test.is_file():
            continue
        fixtures = [folder / 'conftest.py' for folder in test.parents if ROOT / 'tests' in folder.parents]
        named = set().union(*(identifiers(path) for path in [test, *fixtures] if path.is_file()))
        if not named & (definitions(module) | {module.stem}) or not any(name.startswith('test_') for name in named):
            strangers.append(test.relative_to(ROOT).as_posix())
    assert strangers == []


def test_every_test_in_a_mirrored_folder_mirrors_a_module():
    """A module that was renamed takes its test along."""
    known = {mirrored(module) for module in MODULES} | {Path(name) for name in WITHOUT_MODULE}
    folders = {mirrored(module).parent for module in MODULES}
    found = {path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).glob('test_*.py')}
    assert sorted(path.as_posix() for path in found - known) == []


def test_exceptions_are_still_needed():
    tested = [name for name in WITHOUT_TEST if (ROOT / mirrored(Path(name))).is_file()]
    gone = [name for name in [*WITHOUT_TEST, *WITHOUT_MODULE] if not (ROOT / name).is_file()]
    assert tested + gone == []


def test_no_module_names_a_species():
    """The species is data: a skeleton, a body model file, a pose prior."""
    named = {}
    for module in MODULES:
        text = CONCATENATION.sub('', (ROOT / module).read_text(encoding='utf-8'))
        found = words(f'{text} {module}') & SPECIES - MAY_SAY.get(module.as_posix(), set())
        if found:
            named[module.as_posix()] = found
    assert named == {}


def test_nothing_branches_on_a_species():
    branches = [(module.as_posix(), ast.unparse(node)) for module in MODULES for node in conditions(tree_of(module))]
    assert len(branches) > 300
    assert [branch for branch in branches if names_a_species(branch[1])] == []


@pytest.mark.parametrize('text', [
    "if species == 'x':\n    pass", "a = 1 if self.skeleton.name.startswith('human') else 2",
    '[d for d in x if d.is_dog]', "match name:\n    case 'horses':\n        pass"])
def test_a_branch_on_a_species_would_be_seen(text):
    assert any(names_a_species(ast.unparse(node)) for node in conditions(ast.parse(text)))


def test_every_public_module_has_a_docstring():
    public = [module for module in MODULES if module.name == '__init__.py' or not module.name.startswith('_')]
    assert [module.as_posix() for module in public if not ast.get_docstring(tree_of(module))] == []


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


@pytest.mark.parametrize('config', CONFIGS, ids=str)
def test_a_config_is_whole_and_begins_with_what_it_is(config):
    assert (ROOT / config).read_text(encoding='utf-8').startswith('# ')
    cfg = Config.fromfile(ROOT / config)
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'default_hooks'):
        assert cfg.get(key), f'{config}: no {key}'
    assert cfg.train_cfg.type == 'StagedTrainLoop'
    assert cfg.custom_imports == dict(imports=['mmxas'], allow_failed_imports=False)


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


def test_public_functions_are_typed():
    untyped = []
    for name, function, _ in public_functions():
        arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ('self', 'cls')]
        untyped += [f'{name}: {what}' for what in bare + ['return'] * (function.returns is None)]
    assert untyped == []


def test_public_functions_and_classes_are_described():
    bare = [name for name, function, doc in public_functions()
            if not ast.get_docstring(function) and not (function.name == '__init__' and doc)]
    classes = [f'{module} {node.name}' for module in MODULES for node in tree_of(module).body
               if isinstance(node, ast.ClassDef) and not node.name.startswith('_') and not ast.get_docstring(node)]
    assert bare + classes == []


def test_what_public_functions_raise_is_described():
    silent = []
    for name, function, doc in public_functions():
        raised = {ast.unparse(node.exc).partition('(')[0] for node in ast.walk(function)
                  if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)} - {'NotImplementedError'}
        described = f'{ast.get_docstring(function) or ""} {doc}'
        silent += [f'{name}: {error}' for error in sorted(raised) if error.rpartition('.')[2] not in described]
    assert silent == []
