"""What the options of training and testing change: the environment, and the config of the run."""
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
    """Pass ``--local_rank`` on in the environment, where mmengine reads it."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Choose the work directory: the option, else the config's, else ``work_dirs/<name of the config>``."""
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / config_stem(args.config))


def require_device(name: str) -> str:
    """The name of a device, after a look whether torch can use it here.

    Raises:
        UsageError: It cannot.
    """
    try:
        torch.zeros(1, device=name).sum().item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = shorten(str(error).partition('. ')[0], 120, placeholder=' ...')
        raise UsageError(f'--device {name}: torch cannot use it here ({reason}); cpu always works, cuda:0 is the first '
                         'GPU of a machine that has one') from error
    return name


def require_windows() -> None:
    """Look whether OpenCV can open windows.

    Raises:
        UsageError: It cannot.
    """
    if re.search(r'GUI:\s+NONE', cv2.getBuildInformation()):
        raise UsageError('--show: the OpenCV of this environment opens no windows (opencv-python-headless); write the '
                         'pictures by --show-dir DIR')


def enable_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Turn on the config's PoseVisualizationHook when ``--show`` or ``--show-dir`` asks for pictures.

    Raises:
        UsageError: If the config has no such hook, or no window can be opened.
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
