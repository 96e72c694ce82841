"""Share the model's skeleton and codec with the data sets and metrics of a config."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

from mmxas.registry import DATASETS, METRICS, TRANSFORMS, component_takes
from mmxas.structures import load_skeleton, require_same_skeleton

PARTS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator', 'synthesis')


def share(part: Any, model: Mapping[str, Any] | None, where: str) -> Any:
    """Return a part of a config with the model's skeleton and codec filled in where it has none.

    The skeleton is passed to data sets, generators of rendered pairs and metrics; the codec is passed to pipeline steps
    with an ``encoder`` argument. Everything else is kept; the argument is not modified.

    Args:
        part: Config of a data loader, data set or evaluator, or a list of them.
        model: Config of the model: its ``skeleton``, and ``head.decoder``. With None, or without a skeleton, nothing is
            shared.
        where: Name of the part in messages, such as ``'val_evaluator'``.

    Raises:
        ValueError: The part has another skeleton than the model; the message names both.
    """
    if not model or model.get('skeleton') is None:
        return part
    return _shared(part, dict(skeleton=model['skeleton'], encoder=(model.get('head') or {}).get('decoder')), where)


def share_config(config: Config) -> None:
    """Apply :func:`share` to all data loaders, evaluators and rendered sets of a config, in place.

    A runner's loops do this automatically. Programs that build a data set without a runner must call it after the last
    change of the config.

    Raises:
        ValueError: As :func:`share`.
    """
    content = config.to_dict()
    content.update({name: share(content[name], content.get('model'), name) for name in PARTS if content.get(name)})
    object.__setattr__(config, '_cfg_dict', ConfigDict(content))


def _shared(node: Any, given: Mapping[str, Any], where: str) -> Any:
    if isinstance(node, list | tuple):
        return type(node)(_shared(value, given, f'{where}.{number}') for number, value in enumerate(node))
    if not isinstance(node, dict):
        return node
    after = type(node)({key: _shared(value, given, f'{where}.{key}') for key, value in node.items()})
    for name, value in given.items():
        if value is None or not _takes(node, name, where):
            continue
        if after.get(name) is None:
            after[name] = value
        elif name == 'skeleton' and after[name] != value:
            require_same_skeleton(load_skeleton(after[name]), load_skeleton(value), where)
    return after


def _takes(node: Mapping[str, Any], name: str, where: str) -> bool:
    if where.endswith('.generator'):  # of pairs; it has no type
        return name == 'skeleton'
    return 'type' in node and component_takes(node['type'], name, (DATASETS, METRICS, TRANSFORMS))
