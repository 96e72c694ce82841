import importlib
import subprocess
import sys
from pathlib import Path

import mmcv
import pytest

from mmxas.compat import mmcv_ops

SOURCE = Path(mmcv_ops.__file__)
with_placeholder = pytest.mark.skipif(mmcv_ops.has_compiled_ops(), reason='compiled mmcv is installed')


def run_with_fake_mmcv(folder: Path, statements: str) -> str:
    """Run statements after ``mmcv_ops`` in a process whose mmcv is a package in ``folder``."""
    code = f"""
import runpy, sys
sys.path.insert(0, {str(folder)!r})
ops = runpy.run_path({str(SOURCE)!r})
{statements}"""
    return subprocess.run([sys.executable, '-S', '-c', code], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def fake_mmcv(tmp_path):
    (tmp_path / 'mmcv' / 'ops').mkdir(parents=True)
    (tmp_path / 'mmcv' / '__init__.py').touch()
    (tmp_path / 'mmcv' / 'ops' / '__init__.py').write_text('import mmcv._ext\nclass nms: real = True')
    return tmp_path


def test_real_ops_are_never_shadowed(fake_mmcv):
    (fake_mmcv / 'mmcv' / '_ext.py').touch()
    statements = """
print(ops['install_placeholder']())
from mmcv.ops import nms
print(nms.real, ops['is_placeholder']())"""
    assert run_with_fake_mmcv(fake_mmcv, statements).split() == ['False', 'True', 'False']


def test_without_the_extension_the_placeholder_stands_in(fake_mmcv):
    statements = """
finders = len(sys.meta_path)
print(ops['install_placeholder'](), ops['install_placeholder']())
from mmcv.ops import nms
import mmcv
print(nms.__module__, mmcv.ops.nms is nms, len(sys.meta_path) - finders)"""
    assert run_with_fake_mmcv(fake_mmcv, statements).split() == ['True', 'True', 'mmcv.ops', 'True', '1']


@with_placeholder
def test_importing_mmxas_installed_it():
    assert mmcv_ops.is_placeholder()
    assert mmcv_ops.install_placeholder()
    assert mmcv.ops is sys.modules['mmcv.ops']


@with_placeholder
def test_ops_can_be_imported_subclassed_and_tested_for_but_not_made():
    from mmcv.ops import DeformConv2d
    from mmcv.ops.nms import batched_nms
    assert mmcv.ops.DeformConv2d is DeformConv2d
    assert not isinstance(object(), DeformConv2d)
    command = 'mmcv-lite is installed.* pip install --no-deps --no-build-isolation --no-binary mmcv mmcv==2.1.0'
    with pytest.raises(ImportError, match=f'mmcv.ops.nms.batched_nms needs compiled mmcv.*{command}'):
        batched_nms([], [], [], {})
    with pytest.raises(ImportError, match=r'\.Own needs compiled mmcv'):
        type('Own', (DeformConv2d,), {})()


@with_placeholder
def test_private_names_are_absent_and_other_modules_untouched():
    assert not hasattr(mmcv.ops, '__file__')
    assert not hasattr(mmcv.ops, '_private')
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('mmcv.no_such_module')


def test_mmposes_models_import():
    models = importlib.import_module('mmpose.models')
    assert models.build_pose_estimator
