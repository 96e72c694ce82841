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

from mmengine.config import Config
from mmengine.hub import hub

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


def support_mmxas_paths() -> None:
    """Teach mmengine's ``Config`` and ``mmengine.hub.get_config`` the prefix; calling it again changes nothing."""
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
        if pretrained:
            raise ValueError(f'{cfg_path}: leave out pretrained=True; mmxas.apis.XASInferencer loads the weights '
                             'that come with mmxas by name (docs/models.md)')
        return Config.fromfile(config_path(cfg_path))

    hub.get_config = get_config
    import mmengine.hub
    mmengine.hub.get_config = get_config


def support_project_imports() -> None:
    """Make the projects that come with mmxas importable; calling it again changes nothing."""
    root = str(shipped_root())
    if root not in sys.path:
        sys.path.append(root)
