"""mmxas: several hypotheses of a 3D pose from one image, learnt from masks and synthetic images, on mmpose.

Importing it checks the stack, makes mmpose import with mmcv-lite, and registers every component. The command ``mmxas``
does so only when a subcommand needs it.
"""
from . import compat
from .version import __version__, version_info

if not compat.loads_later():  # `mmxas check` must also run where nothing below can be imported
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
