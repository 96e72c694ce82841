"""Each command of docs/data_preparation.md on a miniature of its download, and each data set of its python blocks."""
import ast
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmxas.datasets.shared_parts import share
from mmxas.registry import DATASETS

from .docs_commands import commands
from .workshop import DOCS, NOT_REHEARSED, PREPARATION, Workshop

PAGE = (DOCS / 'data_preparation.md').read_text(encoding='utf-8')
DATA = re.findall(r'^```python\n(dict\(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True, scope='module')
def mmpose_scope() -> None:
    """What a Runner does before it builds anything."""
    init_default_scope('mmpose')


def stamps(folder: Path) -> dict[str, int]:
    """When each file below a folder was changed."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('command', PREPARATION, ids=str)
def test_a_converter_runs_as_a_process_and_its_second_run_changes_nothing(workshop: Workshop, command):
    workshop.download(command.section)
    assert workshop.once(command.text)
    workshop.run(command, process=True)
    before = stamps(workshop.path('data'))
    workshop.run(command)
    assert stamps(workshop.path('data')) == before


def test_each_command_of_the_page_is_rehearsed():
    assert {Path(command.tool).stem for command in PREPARATION} >= {'h36m', 'mpi_inf_3dhp', 'mpii', 'surreal'}
    assert [*PREPARATION, *NOT_REHEARSED] == sorted(
        commands(DOCS / 'data_preparation.md'), key=[*PREPARATION, *NOT_REHEARSED].index)


@pytest.mark.parametrize('block', DATA, ids=lambda block: re.search(r"type='(\w+)'", block)[1])
def test_a_data_set_of_the_page_reads_what_is_there(workshop: Workshop, block):
    workshop.prepared()
    config = eval(compile(ast.parse(block.strip(), mode='eval'), 'docs', 'eval'), {'dict': dict})
    with workshop.inside():
        dataset = DATASETS.build(share(config, dict(skeleton='h36m18'), 'docs'))
        infos = [dataset[i] for i in (0, len(dataset) - 1)]
    assert len(dataset) >= 2
    for info in infos:
        box = info['bbox'][0]
        assert np.isfinite(box).all() and (box[2:] > box[:2]).all()
        assert info['sample_name'] or info['img_path']
