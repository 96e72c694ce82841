"""Config knobs, settings that change all places of a config at once: ``xas = dict(crop_size=…, data_root=…, …)``.

A child config cannot change a variable of its base: mmengine evaluates the base first, so that ``crop_size = 96`` in a
child has no effect. :func:`read_config` raises for such a variable, and applies the knobs under ``xas``.
"""
from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import FlexibleRunner, Runner

KEY = 'xas'
STRIDE = 32  # of the backbones; crop sizes are multiples of it
# Variables of our base configs and the knobs that replace them.
KNOB_OF = {'crop_size': 'crop_size', 'stored_size': 'crop_size', 'data_root': 'data_root', 'rendered_root': 'data_root',
           'paper_actions': 'actions', 'released_actions': 'actions'}
ROOTS = ('data_root', 'rendered_root')  # variables with the folder of the data
USUAL_ROOT = 'data'
CUTTING = ('RemoveBackground', 'SegmentInBox')  # steps of a pipeline

Tree = dict[str, Any]


def read_config(path: str | os.PathLike) -> Config:
    """Read a config file and apply its knobs.

    Raises:
        ValueError: A knob is unknown, has a wrong value or nothing to act on; or a file sets a variable of its base
            without effect.
    """
    for file, name, base in idle_variables(path):
        reason = f': {base} has used it already' if base else ''
        raise ValueError(f'{file}: {name} = … changes nothing{reason}. {way_out(name)}')
    config = Config.fromfile(path)
    apply_knobs(config)
    return config


def apply_knobs(config: Config) -> None:
    """Apply a config's knobs in place, and remove ``xas`` from it.

    Raises:
        ValueError: A knob is unknown, has a wrong value or nothing to act on.
    """
    if config.get(KEY) is not None:
        content = config.to_dict()
        object.__setattr__(config, '_cfg_dict', ConfigDict(turned(content, content.pop(KEY))))


def refuse_unapplied(config: Mapping[str, Any]) -> None:
    """Raise if a config's knobs were not applied.

    Raises:
        ValueError: The config still has ``xas``.
    """
    if config.get(KEY) is not None:
        raise ValueError(f'{KEY}={dict(config[KEY])}: this program read the config by mmengine alone, so these '
                         'settings have no effect. Use the tools of mmxas, or mmxas.engine.config_knobs.read_config')


def turned(content: Tree, knobs: Mapping[str, Any]) -> Tree:
    """Return a config's content with knobs applied.

    Args:
        content: Plain content of a config.
        knobs: Values by name, see :data:`KNOBS`.

    Raises:
        ValueError: A knob is unknown, has a wrong value or nothing to act on.
    """
    unknown = sorted(set(knobs) - set(KNOBS)) if isinstance(knobs, Mapping) else [repr(knobs)]
    if unknown:
        raise ValueError(f'{KEY}: {", ".join(unknown)} unknown; there are: {", ".join(KNOBS)}')
    for name, turn in KNOBS.items():
        if knobs.get(name) is not None:
            content = turn(content, knobs[name])
    return content


def set_crop_size(content: Tree, size: int) -> Tree:
    """Set the side of all crops to ``size`` px; stored images keep their ratio to the crop.

    Raises:
        ValueError: ``size`` is not a multiple of 32, or the config has no crop size.
    """
    before = content.get('crop_size')
    if type(size) is not int or size < STRIDE or size % STRIDE:
        raise ValueError(f'{KEY}.crop_size={size!r}: a multiple of {STRIDE} px expected')
    if not before:
        raise ValueError(_nothing('crop_size', 'variable crop_size with the present size'))

    def change(key: str, value: Any) -> Any:
        if key == 'input_size':
            return (size, size)
        if key in ('image_size', 'stored_size') and type(value) is int:
            return round(value * size / before)
        return value

    return {**changed(content, change), 'crop_size': size}


def set_data_root(content: Tree, root: str | Mapping[str, str]) -> Tree:
    """Read data from other folders, and render into them.

    Args:
        content: Plain content of a config.
        root: The folder that replaces ``data``; or ``{'h36m': '/datasets/h36m'}``, replacing folders in ``data``.

    Raises:
        ValueError: ``root`` is neither, or the config does not use a named folder.
    """
    roots = list(dict.fromkeys([*(content[name] for name in ROOTS if content.get(name)), USUAL_ROOT]))
    if isinstance(root, str) and root:
        moved = dict.fromkeys(roots, root)
    elif isinstance(root, Mapping) and all(isinstance(folder, str) and folder for folder in root.values()):
        moved = {f'{before}/{name}': folder for name, folder in root.items() for before in roots}
        used = sorted(set(_folders(content, roots)))
        missing = sorted(set(root) - set(used))
        if missing:
            raise ValueError(f'{KEY}.data_root: the config uses no data in {missing[0]!r}; it uses {", ".join(used)}')
    else:
        raise ValueError(f'{KEY}.data_root={root!r}: expected a folder, or a dict of folders such as dict(h36m=…)')

    def change(key: str, value: Any) -> Any:
        for before, after in moved.items() if isinstance(value, str) else ():
            if value == before and (key in ROOTS or '/' in before) or value.startswith(f'{before}/'):
                return after + value[len(before):]
        return value

    return changed(content, change)


def set_smpl(content: Tree, folder: str) -> Tree:
    """Read all SMPL models from a folder (or ``'free'``, ``'official'``; see ``SMPLBodyModel``).

    Raises:
        ValueError: ``folder`` is not a string, or the config has no SMPL model.
    """
    if not isinstance(folder, str) or not folder:
        raise ValueError(f"{KEY}.smpl={folder!r}: a folder, 'official' or 'free' expected")

    def change(key: str, value: Any) -> Any:
        is_smpl = isinstance(value, dict) and value.get('type') == 'SMPLBodyModel'
        return dict(value, model_path=folder) if is_smpl else value

    after = changed(content, change)
    if not any(part.get('type') == 'SMPLBodyModel' for part in dicts(content)):
        raise ValueError(_nothing('smpl', 'SMPLBodyModel'))
    return after


def set_actions(content: Tree, actions: list[str]) -> Tree:
    """Train only on targets of these actions or motion clips; test data stay the same.

    Raises:
        ValueError: ``actions`` is not a list of names, or the config's targets have no actions or clips.
    """
    if not isinstance(actions, list | tuple) or not actions or not all(isinstance(name, str) for name in actions):
        raise ValueError(f'{KEY}.actions={actions!r}: a list of names expected')
    content = changed(content)
    places = [(part, name) for part in dicts(_training(content).get('target')) for name in ('actions', 'clips')
              if name in part and 'type' in part]
    if not places:
        raise ValueError(_nothing('actions', 'target data set with actions or clips (None for all of them)'))
    for part, name in places:
        part[name] = list(actions)
    return content


def set_num_pairs(content: Tree, number: int) -> Tree:
    """Train on ``number`` synthetic pairs; of pairs that are not rendered here, on the first ones.

    Raises:
        ValueError: ``number`` is below 1, or the config trains on no pairs.
    """
    if type(number) is not int or number < 1:
        raise ValueError(f'{KEY}.num_pairs={number!r}: 1 or more expected')
    content = changed(content)
    for pairs in _pairs(content, 'num_pairs'):
        pairs['num'] = number
    return content


def set_background(content: Tree, background: Tree) -> Tree:
    """Render the synthetic pairs in front of ``background``, and train and test without masks.

    Test sets that are cropped around the root then read no masks.

    Raises:
        ValueError: ``background`` is not the config of a background, or the config's pairs are not rendered.
    """
    if not isinstance(background, Mapping) or 'type' not in background:
        raise ValueError(f"{KEY}.background={background!r}: a config such as dict(type='PhotoBackground') expected")

    def change(key: str, value: Any) -> Any:
        if isinstance(value, list) and any(_kind(step) in CUTTING for step in value):
            return [changed(step, change) for step in value if _kind(step) not in CUTTING]
        return value

    content = changed(content, change)
    for pairs in _pairs(content, 'background'):
        if not pairs.get('generator'):
            raise ValueError(_nothing('background', 'generator: its pairs are not rendered'))
        pairs['generator']['background'] = dict(background)
    for part in dicts([content.get('val_dataloader'), content.get('test_dataloader')]):
        if part.get('box') == 'root' and 'mask' in (part.get('data_prefix') or {}):
            del part['data_prefix']['mask']
    return content


KNOBS: dict[str, Callable[[Tree, Any], Tree]] = {
    'background': set_background, 'actions': set_actions, 'num_pairs': set_num_pairs, 'smpl': set_smpl,
    'crop_size': set_crop_size, 'data_root': set_data_root}


def changed(node: Any, change: Callable[[str, Any], Any] | None = None, key: str = '') -> Any:
    """Copy nested dicts, lists and tuples, replacing each value by ``change(key, value)``.

    Args:
        node: The tree to copy; elements of a list have the list's key.
        change: Returns the new value; changed values are used as they are, unchanged ones are visited recursively.
            Defaults to None: copy only.
        key: Key of the node. Defaults to ``''``.
    """
    after = node if change is None else change(key, node)
    if after is not node:
        return after
    if isinstance(node, Mapping):
        return {name: changed(value, change, name) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(changed(value, change, key) for value in node)
    return node


def dicts(node: Any) -> Iterator[Tree]:
    """Yield all dicts in nested dicts, lists and tuples, outer ones first."""
    if isinstance(node, Mapping):
        yield node
    for inner in node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ():
        yield from dicts(inner)


def _kind(step: Any) -> Any:
    return step.get('type') if isinstance(step, Mapping) else None


def _training(content: Tree) -> Tree:
    return (content.get('train_dataloader') or {}).get('dataset') or {}


def _pairs(content: Tree, knob: str) -> list[Tree]:
    """Return the data set of synthetic pairs, and the entry of ``synthesis`` that renders into its folder."""
    pairs = _training(content).get('synthetic')
    if not pairs:
        raise ValueError(_nothing(knob, 'train_dataloader.dataset.synthetic'))
    entries = (content.get('synthesis') or {}).values()
    return [pairs, *(entry for entry in entries if entry.get('out') == pairs.get('data_root'))]


def _folders(node: Any, roots: list[str]) -> Iterator[str]:
    """Yield the names of the folders directly inside ``roots`` that strings begin with."""
    if isinstance(node, str):
        yield from (node[len(root) + 1:].split('/')[0] for root in roots if node.startswith(f'{root}/'))
    for inner in node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ():
        yield from _folders(inner, roots)


def _nothing(knob: str, what: str) -> str:
    return f'{KEY}.{knob}: nothing to act on, the config has no {what}'


def idle_variables(path: str | os.PathLike) -> list[tuple[Path, str, Path | None]]:
    """Return the variables that a config file, or one of its bases, sets without effect.

    Such a variable was used by a base, and is neither used in the file that sets it again nor read by the runner. A
    knob's name outside ``xas``, in a file that inherits and does not use it, counts as well.

    Returns:
        For each: the file that sets it, its name, and the base that used it (or None).
    """
    history = _History(Path(path))
    found = {name for _, name, _ in history.idle}
    return history.idle + [(file, name, None) for name, file in sorted(history.loose.items())
                           if name in {*KNOBS, *KNOB_OF} - found]


def spent_variables(path: str | os.PathLike) -> dict[str, Path]:
    """Return the variables of a config file and its bases that no longer have an effect, with the files using them."""
    return _History(Path(path)).used


class _History:
    """Top-level assignments and uses of a config file and its bases."""

    def __init__(self, path: Path) -> None:
        self.assigned: set[str] = set()
        self.used: dict[str, Path] = {}
        self.idle: list[tuple[Path, str, Path | None]] = []
        self.loose: dict[str, Path] = {}
        if path.suffix != '.py' or not path.is_file():
            return
        tree = _parsed(path)
        before: dict[str, Path] = {}
        bases = _bases(tree)
        for name in bases:
            base = _History(Path(Config._get_cfg_path(name, str(path))[0]))
            self.assigned |= base.assigned
            before.update(base.used)
            self.idle += base.idle
            self.loose.update(base.loose)
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        of_bases = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name) and node.value.id == '_base_'}
        here = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
                if isinstance(target, ast.Name)} - {'_base_'}
        self.idle += [(path, name, before[name]) for name in sorted(here & set(before) - own)]
        self.loose.update(dict.fromkeys(here if bases else (), path))
        self.loose = {name: file for name, file in self.loose.items() if name not in own | of_bases}
        self.assigned |= here
        self.used = {**before, **dict.fromkeys((own | of_bases) & self.assigned - _read_keys(), path)}


def _parsed(path: Path) -> ast.Module:
    """Return a config's syntax tree without mmengine's ``{{…}}``."""
    text = re.sub(r'\{\{\s*_base_\.(\w+).*?\}\}', r'_base_.\1', path.read_text(encoding='utf-8'))
    return ast.parse(re.sub(r'\{\{.*?\}\}', 'None', text))


def _bases(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            names = ast.literal_eval(node.value)
            return [names] if isinstance(names, str) else list(names)
    return []


def _read_keys() -> set[str]:
    """Return the keys that a runner and our tools read from a config; these have an effect in a child."""
    return {'synthesis', *(name for runner in (Runner, FlexibleRunner)
                           for name in inspect.signature(runner.__init__).parameters)}


def way_out(name: str) -> str:
    """Return what to do instead of setting a variable without effect."""
    knob = name if name in KNOBS else KNOB_OF.get(name)
    if knob:
        return f'Write {KEY} = dict({knob}=…)'
    return 'Change what was built from it, such as train_dataloader, or use it in the same file'
