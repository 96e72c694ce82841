"""The notebooks run from top to bottom, and are stored without outputs."""
import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .conftest import ROOT

NOTEBOOKS = sorted((ROOT / 'docs/notebooks').glob('*.ipynb'))


def test_they_are_valid_and_hold_no_outputs():
    assert [path.stem for path in NOTEBOOKS] == ['adapt', 'quickstart']
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get('outputs') or cell.get('execution_count') for cell in notebook.cells), path
        assert notebook.metadata.kernelspec.name == 'python3'


@pytest.mark.tutorial
@pytest.mark.timeout(3600)
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path, monkeypatch):
    """In another folder, so that the checkout stays clean; ``../images`` is there as in docs."""
    (tmp_path / 'images').symlink_to(ROOT / 'docs/images')
    (tmp_path / 'notebooks').mkdir()
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.setenv('PATH', os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]))
    monkeypatch.setenv('OMP_NUM_THREADS', '2')
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=3000, kernel_name='python3',
                   resources=dict(metadata=dict(path=str(tmp_path / 'notebooks')))).execute()
    assert any('image/png' in output.get('data', {}) for cell in notebook.cells for output in cell.get('outputs', []))
