"""Colours and textures of a body."""
from mmxas.synthesis.appearance.dressed_body import DressedBody
from mmxas.synthesis.appearance.painted_clothes import PaintedClothes
from mmxas.synthesis.appearance.part_segmentation import PartSegmentation
from mmxas.synthesis.appearance.uv_texture import UVTexture
from mmxas.synthesis.appearance.varied_texture import VariedTexture

__all__ = ['DressedBody', 'PaintedClothes', 'PartSegmentation', 'UVTexture', 'VariedTexture']
