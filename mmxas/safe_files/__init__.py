"""Reading files from strangers: nothing in them is executed, and what they unfold to is bounded."""
from .archives import UnsafeFileError, check_archive
from .arrays import open_arrays, read_array
from .checkpoints import read_checkpoint_file
from .hdf_files import check_hdf
from .json_files import read_json
from .mat_files import check_mat
from .pickle_listing import PickleListing, list_pickle, list_pickles
from .regular_files import file_sha256, named_when_broken, require_file
from .safetensors_files import read_safetensors

__all__ = [
    'PickleListing', 'UnsafeFileError', 'check_archive', 'check_hdf', 'check_mat', 'file_sha256', 'list_pickle',
    'list_pickles', 'named_when_broken', 'open_arrays', 'read_array', 'read_checkpoint_file', 'read_json',
    'read_safetensors', 'require_file'
]
