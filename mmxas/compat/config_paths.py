"""Let a config inherit one of ours as ``_base_ = 'mmxas::xas_mocap.py'``, and import the code of a project.

mmengine resolves ``package::path`` for a fixed list of packages only, and requires a folder in the path. Names that
begin with ``mmxas::`` are resolved here: to ``mmxas/.mim/configs`` of an installed wheel, or to ``configs`` beside the
package in a checkout; ``mmxas::projects/<project>/configs/<name>.py`` likewise to ``projects`` beside ``configs``.

With ``custom_imports = dict(imports=['mmxas', 'projects.<name>.<package>'])``, a config imports a project's code. The
folder with ``projects`` is appended to Python's path, so that this works from any working directory and hides no other
package.
"""
import sys
from pathlib import Path
from typing import Any

import mmengine.hub
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.hub import hub
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import load_checkpoint

from mmxas.io.shipped_files import shipped_root

PREFIX = 'mmxas::'
_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def config_root() -> Path:
    """Return the folder of the configs that come with mmxas.

    Raises:
        FileNotFoundError: Neither the checkout's folder nor the wheel's copy exists.
    """
    candidates = (_PACKAGE_ROOT.parent / 'configs', _PACKAGE_ROOT / '.mim' / 'configs')
    if (_PACKAGE_ROOT.parent / 'setup.py').is_file() and candidates[0].is_dir():
        return candidates[0]
    if candidates[1].is_dir():
        return candidates[1]
    raise FileNotFoundError(f'no configs of mmxas: looked for {candidates[0]} (checkout) and {candidates[1]} (wheel)')


def config_path(name: str) -> Path:
    """Return the file of a config name.

    Args:
        name: ``mmxas::xas_mocap.py``, ``mmxas::projects/<project>/configs/<name>.py``, or without the prefix; ``.py``
            may be left out.

    Raises:
        FileNotFoundError: There is no such config; the message lists the existing ones.
    """
    root = config_root()
    relative = name.removeprefix(PREFIX)
    where = root.parent if relative.startswith('projects/') else root
    path = where / (relative if Path(relative).suffix else f'{relative}.py')
    if not path.is_file():
        found = sorted(str(file.relative_to(root)) for file in root.rglob('*.py'))
        found += sorted(str(file.relative_to(root.parent)) for file in root.parent.glob('projects/*/configs/*.py'))
        known = ', '.join(found) or 'none'
        raise FileNotFoundError(f'{name}: no such config in {root}; there are: {known}')
    return path


def weights_path(name: str) -> Path:
    """Return the file of the weights that come with mmxas for a config, by its name as in :func:`config_path`.

    Raises:
        ValueError: There are none.
    """
    root, path = config_root().parent, config_path(name)
    entries = [entry for metafile in load(root / 'model-index.yml')['Import']
               for entry in load(root / metafile)['Models'] if 'Weights' in entry]
    for entry in entries:
        if root / entry['Config'] == path:
            return _PACKAGE_ROOT.parent / entry['Weights']
    known = ', '.join(entry['Config'] for entry in entries)
    raise ValueError(f'{name}: no weights come with mmxas for this config; leave out pretrained=True, or take one of '
                     f'{known}')


def support_mmxas_paths() -> None:
    """Teach mmengine's ``Config`` and ``hub`` the prefix; calling it again changes nothing."""
    original = Config._get_cfg_path
    if getattr(original, 'knows_mmxas', False):
        return

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        # The scope is None: our components are in mmpose's registries, without a scope of their own.
        return (str(config_path(cfg_path)), None) if cfg_path.startswith(PREFIX) else original(cfg_path, filename)

    get_cfg_path.knows_mmxas = True
    Config._get_cfg_path = staticmethod(get_cfg_path)
    _support_hub()


def _support_hub() -> None:
    original = hub.get_config

    def get_config(cfg_path: str, pretrained: bool = False) -> Config:
        if not cfg_path.startswith(PREFIX):
            return original(cfg_path, pretrained)
        config = Config.fromfile(config_path(cfg_path))
        if pretrained:
            config.model_path = str(weights_path(cfg_path))
        return config

    original_model = hub.get_model

    def get_model(cfg_path: str, pretrained: bool = False, **kwargs: Any) -> Any:
        if not cfg_path.startswith(PREFIX):
            return original_model(cfg_path, pretrained, **kwargs)
        config = get_config(cfg_path, pretrained)
        with DefaultScope.overwrite_default_scope(config.default_scope):
            model = MODELS.build(config.model, default_args=kwargs)
        if pretrained:
            load_checkpoint(model, config.model_path, map_location='cpu')
            model._is_init = True  # a Runner does not initialize it again
        return model

    hub.get_config, hub.get_model = get_config, get_model
    mmengine.hub.get_config, mmengine.hub.get_model = get_config, get_model


def support_project_imports() -> None:
    """Make the projects that come with mmxas importable; calling it again changes nothing."""
    root = str(shipped_root())
    if root not in sys.path:
        sys.path.append(root)
