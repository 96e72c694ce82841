"""Convert checkpoints of other implementations to mmxas and back."""
from .released_checkpoint import ReleasedConversion, from_released, to_released
from .released_files import convert_from_released, convert_to_released, read_checkpoint
from .released_names import released_names

__all__ = ['ReleasedConversion', 'convert_from_released', 'convert_to_released', 'from_released', 'read_checkpoint',
           'released_names', 'to_released']
