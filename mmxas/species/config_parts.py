"""What a config says about its species: skeletons, body models, prior, and the pairs that are made of them."""
from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from mmxas.registry import DATASETS, METRICS

DEFAULT_SKELETON = 'h36m18'
SET = 'train_dataloader.dataset.synthetic'


def synthetic_generator(config: Config) -> dict[str, Any]:
    """The generator of the synthetic pairs that a config trains on.

    Raises:
        ValueError: The config has none; the message says where it was looked for.
    """
    part: Any = config.to_dict()
    for key in (*SET.split('.'), 'generator'):
        part = part.get(key) if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping):
        raise ValueError(f'the config has no {SET}.generator, which says what body, skeleton and prior it trains with')
    return part


def skeletons(config: Config) -> dict[str, Any]:
    """Each place of a config that has to have the training skeleton, with what stands there.

    Where a data set or a metric is given none, its own default stands there; what takes none is no place.
    """
    dataset = config.train_dataloader.dataset
    places: dict[str, Any] = {
        'model.skeleton': config.model.get('skeleton', DEFAULT_SKELETON),
        f'{SET}.generator.skeleton': synthetic_generator(config).get('skeleton', DEFAULT_SKELETON),
        f'{SET}.skeleton': dataset.synthetic.get('skeleton', DEFAULT_SKELETON)}
    places.update(_data('train_dataloader.dataset.target', dataset.get('target')))
    for split in ('val', 'test'):
        places.update(_data(f'{split}_dataloader.dataset', (config.get(f'{split}_dataloader') or {}).get('dataset')))
        places.update(_metrics(f'{split}_evaluator', config.get(f'{split}_evaluator')))
    parts = {f'model.losses.{name}': part for name, part in (config.model.get('losses') or {}).items()}
    for where, part in {'model.discriminator': config.model.get('discriminator'), **parts}.items():
        if isinstance(part, Mapping) and 'skeleton' in part:
            places[f'{where}.skeleton'] = part['skeleton']
    return places


def _data(where: str, part: Any) -> Iterator[tuple[str, Any]]:
    """Skeletons of a data set, of those inside it, and of the generator of its pairs."""
    if not isinstance(part, Mapping):
        return
    yield from _own(where, part, DATASETS)
    if isinstance(part.get('generator'), Mapping):
        yield f'{where}.generator.skeleton', part['generator'].get('skeleton', DEFAULT_SKELETON)
    yield from _data(f'{where}.dataset', part.get('dataset'))
    for number, inner in enumerate(part.get('datasets') or ()):
        yield from _data(f'{where}.datasets.{number}', inner)


def _metrics(where: str, evaluator: Any) -> Iterator[tuple[str, Any]]:
    """Skeletons of an evaluator: one metric, a list of them, or mmengine's ``dict(type='Evaluator', metrics=...)``."""
    if isinstance(evaluator, Mapping):
        yield from _metrics(f'{where}.metrics', evaluator.get('metrics'))
        yield from _own(where, evaluator, METRICS)
    elif isinstance(evaluator, list | tuple):
        for number, metric in enumerate(evaluator):
            yield from _metrics(f'{where}.{number}', metric)


def _own(where: str, part: Mapping[str, Any], registry: Registry) -> Iterator[tuple[str, Any]]:
    given = part['skeleton'] if 'skeleton' in part else _default(part.get('type'), registry)
    if given is not None:
        yield f'{where}.skeleton', given


def _default(kind: Any, registry: Registry) -> Any:
    """The skeleton that a component takes where it is given none; None where it takes none or has no default."""
    component = registry.get(kind) if isinstance(kind, str) else kind
    for base in getattr(component, '__mro__', ()):
        parameter = inspect.signature(base.__init__).parameters.get('skeleton')
        if parameter is not None:
            return None if parameter.default is parameter.empty else parameter.default
    return None
