"""Between keypoints in image px and the frame that the detector learns in."""
from .norm_codec import NormCodec

__all__ = ['NormCodec']
