"""Synthetic pairs: pose priors, cameras, appearances, renderers, and the generator that puts them together."""
from mmxas.synthesis.appearance import OneOf, PaintedClothes, PartSegmentation, UVTexture
from mmxas.synthesis.backgrounds import NoiseBackground, PhotoBackground, PlainBackground
from mmxas.synthesis.cameras import CameraSample, DatasetCameras, SampledCamera
from mmxas.synthesis.lights import RandomLight
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_sources import MocapPoses, PoseSample, TruncatedGaussianPrior
from mmxas.synthesis.renderers import EmbreeRenderer, PyTorch3DRenderer, RenderOutput
from mmxas.synthesis.shards import PairReader, PairWriter, SyntheticPair
from mmxas.synthesis.synthesize import synthesize

__all__ = [
    'CameraSample', 'DatasetCameras', 'EmbreeRenderer', 'MocapPoses', 'NoiseBackground', 'OneOf', 'PaintedClothes',
    'PairGenerator', 'PairReader', 'PairWriter', 'PartSegmentation', 'PhotoBackground', 'PlainBackground',
    'PoseSample', 'PyTorch3DRenderer', 'RandomLight', 'RenderOutput', 'SampledCamera', 'SyntheticPair',
    'TruncatedGaussianPrior', 'UVTexture', 'synthesize',
]
