"""The models that come with mmxas, by their names in the metafiles.

``model-index.yml`` lists the metafiles. An entry is named after its config, and may have an ``Alias`` (one name or a
list), ``Weights`` (a path that begins with ``mmxas/``) and their ``SHA256``.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from mmxas.io import file_sha256, shipped_files

_NAME = re.compile(r'[A-Za-z0-9_-]+')


@dataclass(frozen=True)
class ZooModel:
    """An entry of a metafile.

    Attributes:
        name: Name of the entry and of its config.
        aliases: Further names.
        config: The config file.
        metafile: The metafile that has the entry.
        weights: The weights' file; None if mmxas ships none.
        sha256: SHA-256 of the weights' file; None if there is none.
    """

    name: str
    aliases: tuple[str, ...]
    config: Path
    metafile: Path
    weights: Path | None = None
    sha256: str | None = None

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any], metafile: Path) -> ZooModel:
        """Read one entry of a metafile.

        Raises:
            ValueError: The weights lie outside the package or have no SHA256.
        """
        aliases, weights, sha256 = (entry.get(key) for key in ('Alias', 'Weights', 'SHA256'))
        aliases = tuple([aliases] if isinstance(aliases, str) else aliases or ())
        if weights is not None and (not weights.startswith('mmxas/') or not sha256):
            raise ValueError(f'{metafile}: {entry["Name"]}: Weights: expected a path that begins with mmxas/, and its '
                             f'SHA256, found {weights!r} and {sha256!r}')
        path = None if weights is None else shipped_files.PACKAGE_ROOT.parent / weights
        return cls(entry['Name'], aliases, shipped_files.shipped_root() / entry['Config'], metafile, path, sha256)

    def require_weights(self) -> Path:
        """Return the weights' file after checking its SHA-256.

        Raises:
            ValueError: mmxas ships no weights for this model, or the file's SHA-256 differs from the metafile's.
            FileNotFoundError: The file is missing.
        """
        if self.weights is None:
            ready = ', '.join(sorted(alias for model in known_models() if model.weights for alias in model.aliases))
            raise ValueError(f'{self.name}: no weights come with mmxas for this model; give a checkpoint of your own, '
                             f'or take one of the models with weights: {ready or "none"}')
        if not self.weights.is_file():
            raise FileNotFoundError(f'{self.weights}: the weights of {self.name} are missing; reinstall mmxas, or '
                                    'check the file out again')
        found = file_sha256(self.weights)
        if found != self.sha256:
            raise ValueError(f'{self.weights}: sha256 {self.sha256} expected ({self.metafile.name}), found {found}: '
                             'the file is damaged or was replaced; reinstall mmxas, or check the file out again')
        return self.weights


def is_model_name(name: str) -> bool:
    """Return whether a text can be a model's name (letters, digits, ``_`` and ``-``) rather than a path."""
    return _NAME.fullmatch(name) is not None


def known_models() -> list[ZooModel]:
    """Return the entries of all metafiles, in order.

    Raises:
        ValueError: Two entries share a name, or an entry is incomplete.
    """
    root = shipped_files.shipped_root()
    models = []
    for name in _read_yaml(root / 'model-index.yml')['Import']:
        models += [ZooModel.from_entry(entry, root / name) for entry in _read_yaml(root / name)['Models']]
    owners: dict[str, str] = {}
    for model in models:
        for name in (model.name, *model.aliases):
            if name in owners:
                raise ValueError(f'{model.metafile}: the name {name!r} belongs to {owners[name]} and {model.name}')
            owners[name] = model.name
    return models


def find_model(name: str) -> ZooModel:
    """Return the model with a name or alias.

    Raises:
        ValueError: There is none; the message has the models with weights and a similar name.
    """
    models = known_models()
    by_name = {known: model for model in models for known in (model.name, *model.aliases)}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, n=1)
    ready = [[*model.aliases, model.name][0] for model in models if model.weights is not None]
    raise ValueError(f'{name!r}: no model of this name{f"; did you mean {near[0]!r}?" if near else "."} With weights: '
                     f'{", ".join(ready) or "none"}; docs/models.md: how to list all')


def _read_yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding='utf-8'))
