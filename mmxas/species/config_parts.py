"""What a config says about its species: the pairs that it trains on, and what they are made of."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmxas.datasets.shared_parts import share

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
    return share(part, config.get('model'), f'{SET}.generator')
