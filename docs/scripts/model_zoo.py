"""Tables of the models, from the metafiles that model-index.yml names and the weights that come with mmxas."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
Table = tuple[list[str], list[list[Any]]]


def entries(weights_only: bool = False) -> list[dict[str, Any]]:
    """Return the entries of all metafiles, in order; with ``weights_only`` those that come with weights."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    found = [entry for name in index['Import']
             for entry in yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))['Models']]
    return [entry for entry in found if 'Weights' in entry or not weights_only]


def megabytes(entry: dict[str, Any]) -> str:
    """Return the size of the weights of an entry."""
    return f'{(ROOT / entry["Weights"]).stat().st_size / 1e6:.1f} MB'


def figures(entry: dict[str, Any], images: str) -> str:
    """Return the figures of an entry on one kind of images: ``photos`` or ``held out``."""
    texts = []
    for result in entry['Results']:
        if result.get('Images') == images:
            numbers = [f'{name} {value} mm' if 'MPJPE' in name else f'{name} {value:.3f}'
                       for name, value in result['Metrics'].items()]
            texts.append(f'{result["Dataset"]}: {", ".join(numbers)}')
    return '; '.join(texts)


def readme() -> Table:
    """Return the table of README.md: one row per model with weights."""
    head = ['model', 'weights', 'per photo, 2 CPU cores', 'real photos', 'held out', 'config', 'log']
    return head, [[f'`{entry["Alias"]}`', f'[{megabytes(entry)}]({entry["Weights"]}), sha256 `{entry["SHA256"][:8]}…`',
                   entry['Metadata']['Inference Time'], figures(entry, 'photos'), figures(entry, 'held out'),
                   f'[{entry["Name"]}]({entry["Config"]})', f'[log]({entry["Metadata"]["Training Log"]})']
                  for entry in entries(weights_only=True)]


def page() -> Table:
    """Return the table of docs/models.md: one column per model with weights."""
    ready = entries(weights_only=True)
    log = [entry['Metadata']['Training Log'].removeprefix('docs/') for entry in ready]
    columns = [[f'`{entry["Config"]}`', f'`{entry["Weights"]}`, {megabytes(entry)}', f'`{entry["SHA256"]}`',
                entry['Metadata']['Inference Time'], figures(entry, 'photos'), figures(entry, 'held out'),
                f'`{entry["Metadata"]["Training Command"]}`', f'[{path.rpartition("/")[2]}]({path})']
               for entry, path in zip(ready, log)]
    names = ['config', 'weights', 'sha256', 'per photo on two CPU cores', 'real photos', 'held out', 'training command',
             'training log']
    return (['', *(f'`{entry["Alias"]}`' for entry in ready)],
            [[name, *(column[row] for column in columns)] for row, name in enumerate(names)])


def names() -> Table:
    """Return the table of all entries: their names, configs and data."""
    return ['name', 'config', 'backbone', 'trained on'], [
        [', '.join(f'`{name}`' for name in filter(None, [entry['Name'], entry.get('Alias')])), f'`{entry["Config"]}`',
         entry['Metadata']['Architecture'][0], ', '.join(entry['Metadata']['Training Data'])] for entry in entries()]


TABLES = dict(readme=readme, page=page, names=names)
