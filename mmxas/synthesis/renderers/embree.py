"""Ray casting on the CPU with Embree, through the embreex bindings."""
from typing import Any

import numpy as np

from mmxas.registry import RENDERERS
from mmxas.synthesis.renderers.mesh_renderer import MeshRenderer
from mmxas.synthesis.renderers.shading import Hits, face_normals


def import_embreex() -> tuple[Any, Any]:
    """The classes EmbreeScene and TriangleMesh.

    Raises:
        ImportError: naming the package to install.
    """
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError as error:
        raise ImportError("EmbreeRenderer needs embreex: `pip install embreex==4.4.0.post1`, or choose another "
                          "renderer, such as renderer=dict(type='PyTorch3DRenderer')") from error
    return EmbreeScene, TriangleMesh


@RENDERERS.register_module()
class EmbreeRenderer(MeshRenderer):
    """Casts one ray, or ``supersample``² rays, through each pixel of the mesh's box in the image.

    Faces that look away from the camera are left out of the scene where the mesh is closed: half of the time goes
    into handing triangles to Embree.

    Args:
        supersample: rays along each side of a pixel; 1 sends one through its centre. Default: 2.
    """

    def cast(self, vertices: np.ndarray, faces: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> tuple[Hits, Any]:
        """See :meth:`MeshRenderer.cast`."""
        scene_type, mesh_type = import_embreex()
        normals = face_normals(vertices, faces)
        kept = np.arange(len(faces))
        if self.topology(faces, len(vertices)).closed:
            kept = np.flatnonzero(np.einsum('fc,fc->f', normals, vertices[faces[:, 0]]) < 0)
        height, width = size[0] * self.supersample, size[1] * self.supersample
        hits = Hits(np.full((height, width), -1, np.int32), np.zeros((height, width, 3), np.float32),
                    np.zeros((height, width), np.float32))
        x0, y0, x1, y1 = self._window(vertices, K, (height, width))
        if x1 <= x0 or y1 <= y0 or not len(kept):
            return hits, normals
        directions = self._directions(K, x0, y0, x1, y1)
        scene = scene_type()
        mesh_type(scene, vertices, faces[kept].astype(np.int32))
        found = scene.run(np.zeros_like(directions), directions, output=1)
        box, shape = np.s_[y0:y1, x0:x1], (y1 - y0, x1 - x0)
        face = found['primID'].reshape(shape)
        hits.face[box] = np.where(face >= 0, kept[face], -1)
        u, v = found['u'].reshape(shape), found['v'].reshape(shape)
        hits.bary[box] = np.stack([1 - u - v, u, v], axis=-1)
        hits.depth[box] = found['tfar'].reshape(shape)
        return hits, normals

    def _window(self, vertices: np.ndarray, K: np.ndarray, grid: tuple[int, int]) -> tuple[int, int, int, int]:
        """Box x0, y0, x1, y1 of the rays that can hit, in the grid of rays."""
        s = self.supersample
        z = np.maximum(vertices[:, 2], 1e-6)
        u = (K[0, 0] * vertices[:, 0] + K[0, 1] * vertices[:, 1]) / z + K[0, 2]
        v = K[1, 1] * vertices[:, 1] / z + K[1, 2]
        low = np.floor((np.array([u.min(), v.min()]) + 0.5) * s) - 1
        high = np.ceil((np.array([u.max(), v.max()]) + 0.5) * s) + 1
        x0, y0 = np.clip(low, 0, (grid[1], grid[0])).astype(int)
        x1, y1 = np.clip(high, 0, (grid[1], grid[0])).astype(int)
        return x0, y0, x1, y1

    def _directions(self, K: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        """Directions (rays, 3) float32 with z = 1, so that a ray's parameter is the depth."""
        s = self.supersample
        x, y = (np.arange(x0, x1) + 0.5) / s - 0.5, (np.arange(y0, y1) + 0.5) / s - 0.5
        directions = np.ones((len(y), len(x), 3), np.float32)
        directions[..., 1] = ((y - K[1, 2]) / K[1, 1])[:, None]
        directions[..., 0] = ((x - K[0, 2]) / K[0, 0])[None] - directions[..., 1] * (K[0, 1] / K[0, 0])
        return directions.reshape(-1, 3)
