"""Synthetic image–pose pairs: pose sources, appearances, cameras, renderers, and the generator that combines them."""
from mmxas.synthesis.appearance import PaintedClothes, PartSegmentation, UVTexture
from mmxas.synthesis.cameras import CameraSample, DatasetCameras, SampledCamera
from mmxas.synthesis.one_of import OneOf
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_sources import MocapPoses, PoseSample, TruncatedGaussianPrior
from mmxas.synthesis.renderers import EmbreeRenderer, PyTorch3DRenderer, RenderOutput
from mmxas.synthesis.scene import NoiseBackground, PhotoBackground, PlainBackground, RandomLight
from mmxas.synthesis.shards import PairReader, PairWriter, SyntheticPair
from mmxas.synthesis.synthesize import synthesize

__all__ = [
    'CameraSample', 'DatasetCameras', 'EmbreeRenderer', 'MocapPoses', 'NoiseBackground', 'OneOf', 'PaintedClothes',
    'PairGenerator', 'PairReader', 'PairWriter', 'PartSegmentation', 'PhotoBackground', 'PlainBackground',
    'PoseSample', 'PyTorch3DRenderer', 'RandomLight', 'RenderOutput', 'SampledCamera', 'SyntheticPair',
    'TruncatedGaussianPrior', 'UVTexture', 'synthesize',
]
