"""Read the parts of a config that define its species."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmxas.datasets.shared_parts import share

SET = 'train_dataloader.dataset.synthetic'


def synthetic_generator(config: Config) -> dict[str, Any]:
    """Return the generator of the synthetic pairs that a config trains on.

    Raises:
        ValueError: The config has none; the message has the expected key.
    """
    part: Any = config.to_dict()
    for key in (*SET.split('.'), 'generator'):
        part = part.get(key) if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping):
        raise ValueError(f'the config has no {SET}.generator, which defines its body, skeleton and prior')
    return share(part, config.get('model'), f'{SET}.generator')
