"""Replacement for xtcocotools, which has to be compiled, if it is not installed.

mmpose imports it unconditionally. pycocotools has the same readers of annotations and masks; its evaluation differs, so
evaluating raises.
"""
import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from .stack import REQUIREMENTS

_PACKAGE = 'xtcocotools'


class COCOeval:
    """Placeholder for xtcocotools' evaluation; it can be imported, but not instantiated.

    Raises:
        ImportError: When instantiated.
    """

    def __init__(self, *args, **kwargs) -> None:
        command = next(requirement.command for requirement in REQUIREMENTS if requirement.name == _PACKAGE)
        raise ImportError(f'{_PACKAGE}.cocoeval.COCOeval: {_PACKAGE} is not installed, and pycocotools evaluates '
                          f'something else. Compile it: {command}')


def stand_in_for_xtcocotools() -> bool:
    """Replace xtcocotools by pycocotools if, and only if, it is not installed.

    Returns:
        Whether the replacement is active.
    """
    if _PACKAGE in sys.modules:
        return getattr(sys.modules[_PACKAGE], 'is_stand_in', False)
    if importlib.util.find_spec(_PACKAGE) is not None:
        return False
    package, evaluation = ModuleType(_PACKAGE, __doc__), ModuleType(f'{_PACKAGE}.cocoeval', COCOeval.__doc__)
    package.__spec__, package.__path__ = ModuleSpec(_PACKAGE, None, is_package=True), []
    package.is_stand_in, evaluation.COCOeval = True, COCOeval
    parts = {name: importlib.import_module(f'pycocotools.{name}') for name in ('coco', 'mask')}
    for name, module in {**parts, 'cocoeval': evaluation}.items():
        setattr(package, name, module)
        sys.modules[f'{_PACKAGE}.{name}'] = module
    sys.modules[_PACKAGE] = package
    return True
