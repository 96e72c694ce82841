import sys

import numpy as np
import pytest

from mmxas.compat.optional_packages import import_packages


def test_the_first_is_returned():
    assert import_packages('a.x', 'numpy', 'json') is np


def test_one_that_is_missing_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'some_package', None)
    with pytest.raises(ImportError, match=r'a.x: numpy some-package needed \(.*\): pip install numpy some-package'):
        import_packages('a.x', 'numpy', 'some_package')
