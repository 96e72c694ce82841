"""Code of the projects is importable from a config, wherever Python was started."""
import importlib.util
import sys

from mmxas.compat.project_imports import support_project_imports
from mmxas.io.shipped_files import shipped_root


def test_projects_are_found_last_and_once(monkeypatch):
    others = [path for path in sys.path if path not in ('', '.', str(shipped_root()))]
    monkeypatch.setattr(sys, 'path', list(others))
    support_project_imports()
    support_project_imports()
    assert sys.path == [*others, str(shipped_root())]
    assert importlib.util.find_spec('projects.animal.animal') is not None


def test_importing_the_package_does_it():
    assert str(shipped_root()) in sys.path
