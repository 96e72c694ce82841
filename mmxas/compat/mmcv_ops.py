"""Placeholder for ``mmcv.ops`` if mmcv has no compiled extension (mmcv-lite).

mmpose imports names of ``mmcv.ops`` unconditionally, and needs few of them. The placeholder lets these imports succeed;
using such an op raises. It is active only if ``mmcv._ext`` is absent, so real ops are never shadowed.
"""
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

COMPILE_COMMAND = ('pip uninstall -y mmcv-lite && MMCV_WITH_OPS=1 '
                   'pip install --no-deps --no-build-isolation --no-binary mmcv mmcv==2.1.0')
_PACKAGE = 'mmcv.ops'


class MissingOp:
    """Base of every placeholder op; it can be imported, subclassed and used in ``isinstance``, but not instantiated.

    Raises:
        ImportError: When instantiated or called.
    """

    def __new__(cls, *args, **kwargs):  # noqa: D102
        raise ImportError(f'{cls.__module__}.{cls.__name__} needs compiled mmcv, and mmcv-lite is installed. '
                          f'Compile it (about 12 minutes on 2 cores): {COMPILE_COMMAND}')


class _PlaceholderModule(ModuleType):
    """Module whose public attributes are all :class:`MissingOp`."""

    def __getattr__(self, name: str) -> type[MissingOp]:
        if name.startswith('_'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        op = type(name, (MissingOp,), {'__module__': self.__name__})
        setattr(self, name, op)
        return op


class _PlaceholderFinder(MetaPathFinder, Loader):
    """Finds ``mmcv.ops`` and its submodules before the files of mmcv-lite, which cannot be imported."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname != _PACKAGE and not fullname.startswith(f'{_PACKAGE}.'):
            return None
        return ModuleSpec(fullname, self, is_package=fullname == _PACKAGE)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _PlaceholderModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = 'Placeholder: mmcv has no compiled extension here.'


def has_compiled_ops() -> bool:
    """Return whether the installed mmcv has its compiled extension."""
    return importlib.util.find_spec('mmcv._ext') is not None


def is_placeholder() -> bool:
    """Return whether ``mmcv.ops`` is the placeholder in this process."""
    return isinstance(sys.modules.get(_PACKAGE), _PlaceholderModule)


def install_placeholder() -> bool:
    """Replace ``mmcv.ops`` by the placeholder if, and only if, the compiled extension is absent.

    Returns:
        Whether the placeholder is active.
    """
    if is_placeholder():
        return True
    if has_compiled_ops() or _PACKAGE in sys.modules:
        return False
    sys.meta_path.insert(0, _PlaceholderFinder())
    importlib.import_module(_PACKAGE)
    return True
