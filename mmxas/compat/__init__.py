"""Compatibility fixes for the mmpose stack; ``import mmxas`` calls :func:`install` first.

Nothing outside the standard library is imported before :func:`install` runs, so that ``mmxas check`` works with a
broken stack.
"""
from .errors import CHECK_COMMAND, StackError, loads_later, readable_errors, require_versions


def install() -> None:
    """Check the stack and apply fixes for: ``mmcv.ops``, xtcocotools, mmengine's checkpoints on torch >= 2.6,
    ``mmxas::`` configs, imports of ``projects``, ``sync_bn`` with timm's networks, mmpose's drawing on numpy >= 2.4.

    Raises:
        StackError: A package is missing, has a wrong version, or cannot be imported.
    """
    require_versions()
    with readable_errors():
        from .checkpoints import allow_mmengine_checkpoints, guard_mmengine_loaders
        from .coco_tools import stand_in_for_xtcocotools
        from .config_paths import support_mmxas_paths, support_project_imports
        from .distributed import support_sync_batch_norm
        from .mmcv_ops import install_placeholder
        install_placeholder()
        stand_in_for_xtcocotools()
        allow_mmengine_checkpoints()
        guard_mmengine_loaders()
        support_mmxas_paths()
        support_project_imports()
        support_sync_batch_norm()
        import mmpose.apis  # noqa: F401

        from .opencv_drawing import support_array_radius
        support_array_radius()


__all__ = ['CHECK_COMMAND', 'StackError', 'install', 'loads_later', 'readable_errors', 'require_versions']
