"""Rasterisation with pytorch3d, for CUDA; an optional extra."""
from typing import Any

import numpy as np

from mmxas.registry import RENDERERS
from mmxas.synthesis.renderers.mesh_renderer import MeshRenderer
from mmxas.synthesis.renderers.shading import Hits


def import_pytorch3d() -> tuple[Any, Any]:
    """Return ``Meshes`` and ``rasterize_meshes``.

    Raises:
        ImportError: pytorch3d is not installed; the message has the command that installs it.
    """
    try:
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes
    except ImportError as error:
        raise ImportError('PyTorch3DRenderer needs pytorch3d, an optional extra: `pip install --no-deps '
                          "easypytorch3d==0.7.9.post1`, or choose renderer=dict(type='EmbreeRenderer')") from error
    return Meshes, rasterize_meshes


@RENDERERS.register_module()
class PyTorch3DRenderer(MeshRenderer):
    """Hard, perspective-correct rasterisation with one face per ray.

    Args:
        supersample: number of rays along each side of a pixel. Default: 1.
        device: device for the rasterisation; the CPU takes seconds per image and is meant for comparison only. Default:
            cuda if available.
    """

    def __init__(self, supersample: int = 1, device: str | None = None) -> None:
        super().__init__(supersample)
        self.device = device

    @property
    def on_gpu(self) -> bool:
        """Return whether the renderer uses a GPU."""
        return self._device().startswith('cuda')

    def _device(self) -> str:
        import torch
        return self.device or ('cuda' if torch.cuda.is_available() else 'cpu')

    def cast(self, vertices: np.ndarray, faces: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> tuple[Hits, None]:
        """Find the first face that each ray hits; arguments as in :meth:`MeshRenderer.cast`.

        Returns:
            Hits in the whole image, and None instead of the normals of the faces.
        """
        import torch
        meshes_type, rasterize = import_pytorch3d()
        device = self._device()
        s = self.supersample
        height, width = size[0] * s, size[1] * s
        points = torch.as_tensor(_to_ndc(vertices, K, s, height, width), device=device)
        mesh = meshes_type([points], [torch.as_tensor(np.asarray(faces, np.int64), device=device)])
        with torch.no_grad():
            face, depth, bary, _ = rasterize(mesh, image_size=(height, width), faces_per_pixel=1,
                                             perspective_correct=True, blur_radius=0.0)
        face, bary, depth = (x[0, :, :, 0].cpu().numpy() for x in (face, bary, depth))
        return Hits(face.astype(np.int32), bary.astype(np.float32), depth.astype(np.float32)), None


def _to_ndc(vertices: np.ndarray, K: np.ndarray, s: int, height: int, width: int) -> np.ndarray:
    """Convert camera mm to pytorch3d's NDC: x left, y up, edges of the shorter side at -1 and 1; z stays in mm."""
    x, y, z = vertices.astype(np.float64).T
    u = ((K[0, 0] * x + K[0, 1] * y) / z + K[0, 2] + 0.5) * s
    v = (K[1, 1] * y / z + K[1, 2] + 0.5) * s
    half = min(height, width) / 2
    return np.stack([(width / 2 - u) / half, (height / 2 - v) / half, z], axis=1).astype(np.float32)
