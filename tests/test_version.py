from importlib.metadata import version
from pathlib import Path

import mmxas


def test_one_version_everywhere():
    assert mmxas.__version__ == version('mmxas') == '.'.join(str(part) for part in mmxas.version_info)
    assert f'## {mmxas.__version__}' in (Path(__file__).parents[1] / 'CHANGELOG.md').read_text()
