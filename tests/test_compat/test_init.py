import sys

import mmcv
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from mmxas import compat


def test_installing_again_changes_nothing():
    before = len(sys.meta_path), mmcv.ops, Config._get_cfg_path, len(torch.serialization.get_safe_globals())
    compat.install()
    assert (len(sys.meta_path), mmcv.ops, Config._get_cfg_path, len(torch.serialization.get_safe_globals())) == before


def test_importing_mmxas_installed_all():
    assert HistoryBuffer in torch.serialization.get_safe_globals()
    assert Config._get_cfg_path.knows_mmxas
    assert 'mmpose.apis' in sys.modules
