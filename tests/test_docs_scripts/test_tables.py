"""Tables of the docs are those of docs/results and of the metafiles; the same number is the same everywhere."""
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / 'docs/scripts/tables.py'
# Pages whose measured figures all come from files.
MEASURED = ('README', 'adaptation', 'animals', 'masks', 'models', 'performance', 'real_photos', 'reliability',
            'training', 'video')


@pytest.fixture(scope='module')
def tables():
    spec = importlib.util.spec_from_file_location('docs_tables', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_table_is_its_files():
    done = subprocess.run([sys.executable, str(SCRIPT), '--check'], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_a_changed_number_is_found_and_written(tables, tmp_path, monkeypatch, capsys):
    page = tmp_path / 'docs/page.md'
    page.parent.mkdir()
    page.write_text('before\n\n  <!-- table: some.thing -->\n  | old |\n  <!-- end -->\nafter\n')
    rows = '[["x", 0.790], [null, [1, 2.50, "–"]]]'
    (tmp_path / 'some.json').write_text(f'{{"thing": {{"head": ["", "b"], "rows": {rows}}}}}')
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    monkeypatch.setattr(tables, 'ROOT', tmp_path)
    monkeypatch.setattr(tables, 'PAGES', [page])
    assert tables.main(['--check']) == 1
    assert capsys.readouterr().out.startswith('docs/page.md: tables differ from the files')
    assert tables.main([]) == 0
    assert page.read_text() == ('before\n\n  <!-- table: some.thing -->\n\n  |  | b |\n  | --- | --- |\n'
                                '  | x | 0.790 |\n  |  | 1 / 2.50 / – |\n\n  <!-- end -->\nafter\n')
    assert tables.main(['--check']) == 0


def test_missing_files_and_wrong_rows_are_refused(tables):
    with pytest.raises(ValueError, match=r'<!-- table: gone\.x -->: no x in docs/results/gone\.json'):
        tables.filled('<!-- table: gone.x -->\n<!-- end -->')
    with pytest.raises(ValueError, match='2 cells expected, found 1'):
        tables.markdown(['a', 'b'], [['1']])


@pytest.mark.parametrize('name', MEASURED)
def test_no_table_of_figures_stands_outside_the_files(tables, name):
    page = ROOT / ('README.md' if name == 'README' else f'docs/{name}.md')
    rest = tables.PLACE.sub('', page.read_text(encoding='utf-8'))
    cells = [cell.strip() for line in rest.splitlines() if line.lstrip().startswith('|') for cell in line.split('|')]
    assert [cell for cell in cells if re.fullmatch(r'[\d.,/ %–−±]*\d[\d.,/ %–−±]*', cell)] == []


def test_every_entry_of_the_files_is_shown_and_says_where_it_comes_from(tables):
    shown = {(file, name) for page in tables.PAGES
             for _, file, name, _ in tables.PLACE.findall(page.read_text(encoding='utf-8'))}
    kept = {(path.stem, name): entry for path in (ROOT / 'docs/results').glob('*.json') if path.stem != 'operations'
            for name, entry in json.loads(path.read_text(encoding='utf-8')).items()}
    assert {place for place in shown if place[0] not in ('zoo', 'operations')} == set(kept)
    assert all(entry['from'] for entry in kept.values())


def test_the_metafiles_figures_of_photos_are_those_of_the_benchmark(tables):
    kept = tables.read('real_photos')['photos']
    at = [column for column, name in enumerate(kept['head']) if name == 'window'][-1]
    table = {(photos.strip('`'), figure): row[at - 2] for photos, figure, *row in kept['rows']}
    models = {entry['Alias']: entry for entry in tables.model_zoo.entries(weights_only=True)}

    def figure(model, data):
        return next(iter(next(r for r in models[model]['Results'] if data in r['Dataset'])['Metrics'].values()))
    assert f'{figure("human", "sport"):.3f}' == table['lspet/dev` (300)', 'PCK@0.2']
    assert figure('human', 'Human3.6M') == int(table['of these Human3.6M (4)', 'PA-MPJPE'][0])
    assert f'{figure("human", "renderings"):.3f}' == table['held-out renderings (512), background removed', 'PCK@0.2']
    assert f'{figure("dog", "StanfordExtra"):.3f}' == table['StanfordExtra (10)', 'PCK@0.15']
    dogs = 'held-out renderings of dogs (512), background removed'
    assert f'{figure("dog", "renderings"):.3f}' == table[dogs, 'PCK@0.15']


def test_the_tables_of_models_have_their_weights(tables):
    head, rows = tables.model_zoo.page()
    assert head == ['', '`human`', '`dog`']
    facts = {name: cells for name, *cells in rows}
    assert facts['weights'][0] == '`mmxas/weights/human.safetensors`, 6.7 MB'
    assert all(re.fullmatch(r'`[0-9a-f]{64}`', cell) for cell in facts['sha256'])
    assert facts['held out'][1] == '512 renderings: PCK@0.15 0.820'
    names = [row[0] for row in tables.model_zoo.names()[1]]
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    assert len(names) == sum(len(yaml.safe_load((ROOT / path).read_text())['Models']) for path in index)
    assert '`xas_photos_160`, `human`' in names
