"""Registries of mmxas's components.

Components with a counterpart in mmpose are registered in mmpose's registries under unique names, because child
registries are not searched from mmpose's ``default_scope``. Kinds of components that mmpose lacks have a registry here,
under mmpose's scope.
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

# Parametric body models: map pose and shape to mesh and keypoints.
BODY_MODELS = Registry('body model', scope='mmpose', locations=['mmxas.body_models'])
# Distributions of body model poses and shapes.
POSE_SOURCES = Registry('pose source', scope='mmpose', locations=['mmxas.synthesis'])
# Cameras of synthetic images.
CAMERAS = Registry('camera', scope='mmpose', locations=['mmxas.synthesis'])
# Colours and textures of a mesh.
APPEARANCES = Registry('appearance', scope='mmpose', locations=['mmxas.synthesis'])
# Lighting of a mesh.
LIGHTS = Registry('light', scope='mmpose', locations=['mmxas.synthesis'])
# Backgrounds of synthetic images.
BACKGROUNDS = Registry('background', scope='mmpose', locations=['mmxas.synthesis'])
# Renderers: map a mesh to image, mask, depth and part labels.
RENDERERS = Registry('renderer', scope='mmpose', locations=['mmxas.synthesis'])
# Segmenters: map image and box to a mask.
SEGMENTERS = Registry('segmenter', scope='mmpose', locations=['mmxas.masks'])

__all__ = [
    'APPEARANCES', 'BACKGROUNDS', 'BODY_MODELS', 'CAMERAS', 'DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'INFERENCERS',
    'KEYPOINT_CODECS', 'LIGHTS', 'LOOPS', 'METRICS', 'MODELS', 'OPTIM_WRAPPERS', 'PARAM_SCHEDULERS', 'POSE_SOURCES',
    'RENDERERS', 'SEGMENTERS', 'TRANSFORMS', 'VISUALIZERS',
]


def component_takes(kind: Any, argument: str, registries: Iterable[Registry]) -> bool:
    """Return whether the constructor of a component, or one that it passes keywords on to, has an argument.

    Args:
        kind: A registered name, or the class.
        argument: Name of the argument.
        registries: Registries to look up a name in. The result is False for an unknown name.
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
