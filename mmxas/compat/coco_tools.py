"""A stand-in for xtcocotools, which has to be compiled, where it is not installed.

mmpose imports it without a guard. What reads annotations and masks is the same in pycocotools; the evaluation is
another one, and raises.
"""
import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from .stack import REQUIREMENTS

_PACKAGE = 'xtcocotools'


class COCOeval:
    """Stands for xtcocotools' evaluation; it can be imported, but not made.

    Raises:
        ImportError: When instantiated.
    """

    def __init__(self, *args, **kwargs) -> None:
        command = next(requirement.command for requirement in REQUIREMENTS if requirement.name == _PACKAGE)
        raise ImportError(f'{_PACKAGE}.cocoeval.COCOeval: {_PACKAGE} is not installed, and pycocotools evaluates '
                          f'something else. Compile it: {command}')


def stand_in_for_xtcocotools() -> bool:
    """Let pycocotools stand in for xtcocotools if, and only if, that is not installed.

    Returns:
        Whether it stands in now.
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
