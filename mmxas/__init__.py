"""mmxas: multi-hypothesis 3D pose estimation from one image, trained on masks and synthetic images, based on mmpose.

Importing mmxas checks the installed packages, makes mmpose work with mmcv-lite, and registers all components. The
command ``mmxas`` does this only when a subcommand needs it.
"""
from . import compat
from .version import __version__, version_info

if not compat.loads_later():  # `mmxas check` must run even if the imports below fail
    compat.install()
    with compat.readable_errors():
        from . import (
            apis,
            body_models,
            codecs,
            datasets,
            engine,
            evaluation,
            interop,
            io,
            masks,
            models,
            ops,
            registry,
            structures,
            synthesis,
            visualization,
        )

__all__ = [
    '__version__', 'apis', 'body_models', 'codecs', 'compat', 'datasets', 'engine', 'evaluation', 'interop',
    'io', 'masks', 'models', 'ops', 'registry', 'structures', 'synthesis', 'version_info', 'visualization',
]
