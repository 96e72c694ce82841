import importlib
import subprocess
import sys

import mmxas
from mmxas.check import COMPONENTS


def test_every_component_package_is_imported():
    for name in COMPONENTS:
        assert getattr(mmxas, name) is importlib.import_module(f'mmxas.{name}')
    assert set(COMPONENTS) <= set(mmxas.__all__)


def test_the_check_leaves_them_out():
    code = 'import sys; sys.orig_argv = ["python", "-m", "mmxas.check"]; import mmxas; print("torch" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'False'
