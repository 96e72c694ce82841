"""What a config says about its species: skeletons, body models, prior, and the pairs that are made of them."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

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
    """Each place of a config that has to have the training skeleton, with what stands there."""
    dataset = config.train_dataloader.dataset
    places: dict[str, Any] = {
        'model.skeleton': config.model.get('skeleton', DEFAULT_SKELETON),
        f'{SET}.generator.skeleton': synthetic_generator(config).get('skeleton', DEFAULT_SKELETON),
        f'{SET}.skeleton': dataset.synthetic.get('skeleton', DEFAULT_SKELETON)}
    places.update(_targets('train_dataloader.dataset.target', dataset.get('target')))
    parts = {f'model.losses.{name}': part for name, part in (config.model.get('losses') or {}).items()}
    for where, part in {'model.discriminator': config.model.get('discriminator'), **parts}.items():
        if isinstance(part, Mapping) and 'skeleton' in part:
            places[f'{where}.skeleton'] = part['skeleton']
    return places


def _targets(where: str, target: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(target, Mapping):
        return
    parts = target.get('datasets')
    if parts is None:
        yield f'{where}.skeleton', target.get('skeleton', DEFAULT_SKELETON)
        return
    for number, part in enumerate(parts):
        yield from _targets(f'{where}.datasets.{number}', part)
