"""Transforms: loading, cropping, augmentation, targets, packing."""
from .formatting import GenerateNormTarget, PackXASInputs
from .geometric import RandomCropJitter, RandomMirror, SquareCropAffine
from .loading import LoadMask, LoadXASImage, UnreadableImageError, read_image
from .mask_errors import RandomMaskErrors
from .photometric import RandomBackground, RandomOccluder, RandomPhotometric, RemoveBackground
from .segmenting import SegmentInBox

__all__ = [
    'GenerateNormTarget', 'LoadMask', 'LoadXASImage', 'PackXASInputs', 'RandomBackground', 'RandomCropJitter',
    'RandomMaskErrors', 'RandomMirror', 'RandomOccluder', 'RandomPhotometric', 'RemoveBackground', 'SegmentInBox',
    'SquareCropAffine', 'UnreadableImageError', 'read_image',
]
