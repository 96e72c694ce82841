"""Let a config import the code of a project: ``custom_imports = dict(imports=['mmxas', 'projects.<name>.<package>'])``.

The folder with ``projects`` (the checkout, or ``mmxas/.mim`` of an installed wheel) is appended to Python's path, so
that imports work from any working directory and no other package is hidden.
"""
import sys

from mmxas.io.shipped_files import shipped_root


def support_project_imports() -> None:
    """Make the projects that come with mmxas importable; calling it again changes nothing."""
    root = str(shipped_root())
    if root not in sys.path:
        sys.path.append(root)
