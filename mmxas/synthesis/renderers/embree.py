"""Ray casting on the CPU with Embree, through the embreex bindings."""
from typing import Any

import numpy as np

from mmxas.registry import RENDERERS
from mmxas.synthesis.renderers.mesh_renderer import MeshRenderer
from mmxas.synthesis.renderers.shading import Hits, face_normals


def import_embreex() -> tuple[Any, Any]:
    """Return the classes EmbreeScene and TriangleMesh.

    Raises:
        ImportError: embreex is not installed; the message has the command that installs it.
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
    """Cast ``supersample``² rays through each pixel of the mesh's box in the image.

    Back faces of closed meshes are left out of the scene, because half of the time is spent on passing triangles to
    Embree.

    Args:
        supersample: number of rays along each side of a pixel; 1 is one ray through its centre. Default: 2.
    """

    def cast(self, vertices: np.ndarray, faces: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> tuple[Hits, Any]:
        """Find the first face that each ray hits; arguments as in :meth:`MeshRenderer.cast`.

        Returns:
            Hits in the box of the mesh in the image, and the normals of the faces.
        """
        scene_type, mesh_type = import_embreex()
        normals = face_normals(vertices, faces)
        kept = np.arange(len(faces))
        if self.topology(faces, len(vertices)).closed:
            kept = np.flatnonzero(np.einsum('fc,fc->f', normals, vertices[faces[:, 0]]) < 0)
        x0, y0, x1, y1 = _window(vertices, K, size)
        shape = ((y1 - y0) * self.supersample, (x1 - x0) * self.supersample)
        if not shape[0] * shape[1] * len(kept):
            return Hits(np.full(shape, -1, np.int32), np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32),
                        y0, x0), normals
        directions = self._directions(K, x0, y0, x1, y1)
        scene = scene_type()
        mesh_type(scene, vertices, faces[kept].astype(np.int32))
        found = scene.run(np.zeros_like(directions), directions, output=1)
        face = found['primID'].reshape(shape)
        u, v = found['u'].reshape(shape), found['v'].reshape(shape)
        return Hits(np.where(face >= 0, kept[face], -1), np.stack([1 - u - v, u, v], axis=-1),
                    found['tfar'].reshape(shape), y0, x0), normals

    def _directions(self, K: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        """Return directions (rays, 3) float32 with z = 1, so that the ray parameter is the depth."""
        s = self.supersample
        x, y = ((np.arange(low * s, high * s) + 0.5) / s - 0.5 for low, high in ((x0, x1), (y0, y1)))
        directions = np.ones((len(y), len(x), 3), np.float32)
        directions[..., 1] = ((y - K[1, 2]) / K[1, 1])[:, None]
        directions[..., 0] = ((x - K[0, 2]) / K[0, 0])[None] - directions[..., 1] * (K[0, 1] / K[0, 0])
        return directions.reshape(-1, 3)


def _window(vertices: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return columns and rows x0, y0, x1, y1 of the pixels that the mesh may touch."""
    z = vertices[:, 2]
    u = (K[0, 0] * vertices[:, 0] + K[0, 1] * vertices[:, 1]) / z + K[0, 2]
    v = K[1, 1] * vertices[:, 1] / z + K[1, 2]
    x0, x1 = np.clip([np.floor(u.min() + 0.5), np.ceil(u.max() + 0.5)], 0, size[1]).astype(int)
    y0, y1 = np.clip([np.floor(v.min() + 0.5), np.ceil(v.max() + 0.5)], 0, size[0]).astype(int)
    return x0, y0, x1, y1
