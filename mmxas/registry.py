"""The map of mmxas: which registry holds which kind of component.

Components that have a counterpart in mmpose register straight into mmpose's registries, under names of their own: child
registries are not searched from mmpose's ``default_scope``. Kinds that mmpose does not have get a registry here, under
mmpose's scope, so that they are found from it.
"""
import inspect
from collections.abc import Iterable
from typing import Any

from mmengine.registry import Registry
from mmpose.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    INFERENCERS,
    KEYPOINT_CODECS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISUALIZERS,
)

# Parametric bodies: pose and shape to mesh and keypoints.
BODY_MODELS = Registry('body model', scope='mmpose', locations=['mmxas.body_models'])
# Distributions that poses and shapes of a body model are drawn from.
POSE_SOURCES = Registry('pose source', scope='mmpose', locations=['mmxas.synthesis'])
# Where a synthetic image is taken from.
CAMERAS = Registry('camera', scope='mmpose', locations=['mmxas.synthesis'])
# Colours and textures of a mesh.
APPEARANCES = Registry('appearance', scope='mmpose', locations=['mmxas.synthesis'])
# What lights a mesh.
LIGHTS = Registry('light', scope='mmpose', locations=['mmxas.synthesis'])
# What stands behind a mesh.
BACKGROUNDS = Registry('background', scope='mmpose', locations=['mmxas.synthesis'])
# Mesh to image, mask, depth and part labels.
RENDERERS = Registry('renderer', scope='mmpose', locations=['mmxas.synthesis'])
# Image and box to mask, for images that come without masks.
SEGMENTERS = Registry('segmenter', scope='mmpose', locations=['mmxas.masks'])

__all__ = [
    'APPEARANCES', 'BACKGROUNDS', 'BODY_MODELS', 'CAMERAS', 'DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'INFERENCERS',
    'KEYPOINT_CODECS', 'LIGHTS', 'LOOPS', 'METRICS', 'MODELS', 'OPTIM_WRAPPERS', 'PARAM_SCHEDULERS', 'POSE_SOURCES',
    'RENDERERS', 'SEGMENTERS', 'TRANSFORMS', 'VISUALIZERS',
]


def component_takes(kind: Any, argument: str, registries: Iterable[Registry]) -> bool:
    """Return whether the constructor of a component, or one that it passes its keywords on to, has an argument.

    Args:
        kind: A registered name, or the class.
        argument: Name of the argument.
        registries: Where names are looked up. A name that none of them has takes nothing.
    """
    component = next((found for one in registries if (found := one.get(kind))), None) if isinstance(kind, str) else kind
    for base in getattr(component, '__mro__', ()):
        if '__init__' not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters
        if argument in parameters:
            return True
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            return False
    return False
