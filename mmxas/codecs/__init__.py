"""Convert keypoints between image px and the crop-normalised coordinates that the detector predicts."""
from .norm_codec import NormCodec

__all__ = ['NormCodec']
