"""Reading what users bring: videos frame by frame, and masks by one definition of foreground."""
from mmxas.safe_files.image_folders import VIDEOS

from .masks import AmbiguousMaskError, Foreground, foreground, inspect_mask, nearly_all_bad, read_mask
from .video import VideoReader, iterate_video

__all__ = [
    'VIDEOS', 'AmbiguousMaskError', 'Foreground', 'VideoReader', 'foreground', 'inspect_mask', 'iterate_video',
    'nearly_all_bad', 'read_mask',
]
