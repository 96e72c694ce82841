"""Render a mesh to an image, a mask, depth and part labels."""
from mmxas.synthesis.renderers.embree import EmbreeRenderer
from mmxas.synthesis.renderers.mesh_renderer import MeshRenderer, VertexColors
from mmxas.synthesis.renderers.pytorch3d import PyTorch3DRenderer
from mmxas.synthesis.renderers.shading import Light, RenderOutput, Surface

__all__ = ['EmbreeRenderer', 'Light', 'MeshRenderer', 'PyTorch3DRenderer', 'RenderOutput', 'Surface', 'VertexColors']
