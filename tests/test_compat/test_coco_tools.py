import importlib.util
import subprocess
import sys

import pytest

from mmxas.compat import coco_tools

HIDE = """
import sys
from importlib.abc import MetaPathFinder

class Hide(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'xtcocotools':
            raise ModuleNotFoundError(name)

import importlib.util
right = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == 'xtcocotools' else right(name, *rest)
sys.meta_path.insert(0, Hide())
"""


def without_xtcocotools(statements: str) -> list[str]:
    """Words that statements print in a process in which xtcocotools cannot be found."""
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', HIDE + statements], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.split()


def test_mmpose_imports_and_reads_masks_by_pycocotools():
    assert without_xtcocotools("""
import mmxas
import mmpose.datasets, mmpose.evaluation
import numpy as np
import pycocotools.coco, xtcocotools.mask
from mmpose.datasets.datasets.base.base_coco_style_dataset import COCO
mask = np.zeros((4, 6), np.uint8, order='F')
mask[1:3, 2:5] = 1
print(COCO is pycocotools.coco.COCO, int(xtcocotools.mask.area(xtcocotools.mask.encode(mask))))
""")[-2:] == ['True', '6']


def test_the_evaluation_raises_with_the_command():
    assert without_xtcocotools("""
from mmxas.compat.coco_tools import stand_in_for_xtcocotools
print(stand_in_for_xtcocotools(), stand_in_for_xtcocotools())
from xtcocotools.cocoeval import COCOeval
try:
    COCOeval(None, None, 'keypoints', None, True)
except ImportError as error:
    print('xtcocotools==1.14.3' in str(error))
""")[-3:] == ['True', 'True', 'True']


@pytest.mark.skipif(importlib.util.find_spec('xtcocotools') is None, reason='xtcocotools is not installed')
def test_an_installed_one_is_left_alone():
    import xtcocotools.cocoeval
    assert not coco_tools.stand_in_for_xtcocotools()
    assert xtcocotools.cocoeval.COCOeval is not coco_tools.COCOeval
