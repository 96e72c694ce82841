"""Find and render the sets of pairs of a config: those that its data sets read, and those that it lists."""
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .datasets.rendered_pairs import RenderedPairDataset
from .inspection import LOADERS, build_unloaded, dataset_configs, is_dataset
from .shared_parts import share


def find_sets(config: Mapping[str, Any], name: str | None = None) -> dict[str, dict]:
    """Return the sets of a config that can be rendered ahead of training.

    These are the entries of ``synthesis = dict(NAME=dict(generator=…, num=…, out=…, seed=…))`` and, named by their
    folders, the sets that the data sets read from other folders.

    Args:
        config: a loaded config.
        name: name of one set. Defaults to None: all.

    Returns:
        ``{name: {generator, num, out, seed}}`` with the given keys only; empty if the data sets only read
            existing pairs.

    Raises:
        ValueError: the config has no rendered pairs, has no set of this name (the message lists the names), or a set
            has another skeleton than the model.
    """
    sets = dict(share(config.get('synthesis') or {}, config.get('model'), 'synthesis'))
    rendered = [part for part in dataset_configs(config).values() if is_dataset(part, RenderedPairDataset)]
    if not sets and not rendered:
        raise ValueError('the config renders nothing: neither `synthesis = dict(NAME=dict(generator=..., num=..., '
                         'out=...))` nor a data set of rendered pairs')
    listed = {str(entry.get('out')) for entry in sets.values()}
    sets.update((key, entry) for key, entry in _sets_of_datasets(rendered).items() if entry['out'] not in listed)
    if name is None:
        return sets
    if name not in sets:
        raise ValueError(f'no synthesis set {name!r} in the config; it has {", ".join(sorted(sets)) or "none"}')
    return {name: sets[name]}


def prepare_sets(config: Mapping[str, Any], loaders: Sequence[str] = LOADERS) -> None:
    """Render the missing pairs that the data sets of a config read.

    Every process of a run calls this before it builds its data sets: one process per machine renders, and the others
    wait.

    Args:
        config: A loaded config.
        loaders: The loaders to consider, such as ``['test']``. Defaults to all.

    Raises:
        ValueError: A folder holds pairs of another generator.
    """
    for part in dataset_configs(config, loaders).values():
        if is_dataset(part, RenderedPairDataset):
            build_unloaded(part).render_missing()


def _sets_of_datasets(rendered: Iterable[Mapping[str, Any]]) -> dict[str, dict]:
    sets: dict[str, dict] = {}
    for part in rendered:
        dataset = build_unloaded(part)
        for folder in dataset.rendered_parts():
            is_shorter = folder.name in sets and (folder.num or 0) <= sets[folder.name]['num']
            if folder.generator is not None and folder.root is not None and not is_shorter:
                sets[folder.name] = dict(generator=folder.generator, num=folder.num, out=folder.root, seed=dataset.seed)
    return sets
