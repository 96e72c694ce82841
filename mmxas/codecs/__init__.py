from .norm_codec import NormCodec

__all__ = ['NormCodec']
