"""Reading and writing of files: images, masks, videos, arrays, archives, checkpoints.

Nothing in a file is executed, what it unfolds to is bounded, and a file that is written is whole or absent.
"""
from .archives import UnsafeFileError, check_archive
from .arrays import open_arrays, read_array
from .atomic_writes import write_atomically, write_whole
from .checkpoints import read_checkpoint_file
from .hdf_files import check_hdf
from .image_folders import VIDEOS
from .json_files import read_json
from .masks import AmbiguousMaskError, Foreground, foreground, inspect_mask, nearly_all_bad, read_mask
from .mat_files import check_mat
from .pickle_listing import PickleListing, list_pickle, list_pickles
from .regular_files import file_sha256, named_when_broken, require_file
from .safetensors_files import read_safetensors
from .video import VideoReader, iterate_video

__all__ = [
    'VIDEOS', 'AmbiguousMaskError', 'Foreground', 'PickleListing', 'UnsafeFileError', 'VideoReader', 'check_archive',
    'check_hdf', 'check_mat', 'file_sha256', 'foreground', 'inspect_mask', 'iterate_video', 'list_pickle',
    'list_pickles', 'named_when_broken', 'nearly_all_bad', 'open_arrays', 'read_array', 'read_checkpoint_file',
    'read_json', 'read_mask', 'read_safetensors', 'require_file', 'write_atomically', 'write_whole',
]
