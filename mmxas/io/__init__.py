"""Reading and writing of files: images, masks, videos, arrays, archives, checkpoints.

Readers never execute a file's content and limit its unpacked size. Writers leave a complete file or none.
"""
from .archives import check_archive, open_arrays, read_array
from .atomic_writes import atomic_path, write_atomically, write_whole
from .checkpoints import read_checkpoint_file, read_safetensors
from .image_folders import VIDEOS
from .masks import AmbiguousMaskError, Foreground, foreground, inspect_mask, nearly_all_bad, read_mask
from .mat_and_hdf import check_hdf, check_mat
from .regular_files import UnsafeFileError, file_sha256, named_when_broken, read_json, require_file, to_json
from .video import VideoReader, frame_rate, iterate_video, timed_frames
from .video_writer import VideoWriter

__all__ = [
    'VIDEOS', 'AmbiguousMaskError', 'Foreground', 'UnsafeFileError', 'VideoReader', 'VideoWriter', 'atomic_path',
    'check_archive', 'check_hdf', 'check_mat', 'file_sha256', 'foreground', 'frame_rate', 'inspect_mask',
    'iterate_video', 'named_when_broken', 'nearly_all_bad', 'open_arrays', 'read_array', 'read_checkpoint_file',
    'read_json', 'read_mask', 'read_safetensors', 'require_file', 'timed_frames', 'to_json', 'write_atomically',
    'write_whole',
]
