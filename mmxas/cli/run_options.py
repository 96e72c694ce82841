"""Apply the options of training and testing to the environment and the config."""
import argparse
import os
import re
from pathlib import Path
from textwrap import shorten

import cv2
import torch
from mmengine.config import Config

from mmxas.apis.configs import config_stem
from mmxas.errors import UsageError


def set_local_rank(args: argparse.Namespace) -> None:
    """Set the environment variable that mmengine reads from ``--local_rank``."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Set the work directory: the option, else the config's, else ``work_dirs/<name of the config>``."""
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / config_stem(args.config))


def require_device(name: str) -> str:
    """Return the name of a device after checking that torch can use it.

    Raises:
        UsageError: torch cannot use it.
    """
    try:
        torch.zeros(1, device=name).sum().item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = shorten(str(error).partition('. ')[0], 120, placeholder=' ...')
        raise UsageError(f'--device {name}: torch cannot use it here ({reason}); cpu always works, cuda:0 is the first '
                         'GPU of a machine that has one') from error
    return name


def require_windows() -> None:
    """Raise if OpenCV cannot open windows.

    Raises:
        UsageError: OpenCV cannot open windows.
    """
    if re.search(r'GUI:\s+NONE', cv2.getBuildInformation()):
        raise UsageError('--show: the OpenCV of this environment opens no windows (opencv-python-headless); write the '
                         'pictures with --show-dir DIR')


def enable_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Enable the config's PoseVisualizationHook for ``--show`` or ``--show-dir``.

    Raises:
        UsageError: The config has no such hook, or no window can be opened.
    """
    if args.show:
        require_windows()
    if not args.show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UsageError(f'{args.config}: --show and --show-dir need '
                         'default_hooks.visualization=dict(type="PoseVisualizationHook")')
    hook.update(enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval)
    if args.show:
        hook.wait_time = args.wait_time
