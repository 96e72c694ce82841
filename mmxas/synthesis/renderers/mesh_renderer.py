"""Base class of the renderers: checks, shading, output. A new renderer implements ``cast`` and is registered."""
from abc import ABC, abstractmethod

import numpy as np

from mmxas.synthesis.renderers.shading import (
    Hits,
    Light,
    RenderOutput,
    Surface,
    Topology,
    interpolate,
    mesh_topology,
    shade,
)


class VertexColors:
    """A surface with one interpolated colour per vertex.

    Args:
        values: (V, 3) RGB in [0, 1].
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, np.float32)

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        return interpolate(self.values, corners, bary)


class MeshRenderer(ABC):
    """Render a mesh to an image, a mask, depth and part labels.

    Args:
        supersample: number of rays along each side of a pixel, at least 1.

    Raises:
        ValueError: ``supersample`` is below 1.
    """

    def __init__(self, supersample: int = 2) -> None:
        if supersample < 1:
            raise ValueError(f'{type(self).__name__}: supersample={supersample}, expected at least 1')
        self.supersample = int(supersample)
        self._faces: np.ndarray | None = None
        self._topology: Topology | None = None

    @property
    def on_gpu(self) -> bool:
        """Return whether the renderer uses a GPU."""
        return False

    @abstractmethod
    def cast(self, vertices: np.ndarray, faces: np.ndarray, K: np.ndarray,
             size: tuple[int, int]) -> tuple[Hits, np.ndarray | None]:
        """Find the first face that each ray hits.

        Args:
            vertices: (V, 3) float32, camera frame, mm.
            faces: (F, 3) integers.
            K: (3, 3) intrinsics in px; pixel p's centre is at coordinate p.
            size: (h, w) in px.

        Returns:
            Hits in a window of the image that contains the mesh, and the face normals if they are a by-product.
        """

    def topology(self, faces: np.ndarray, num_vertices: int) -> Topology:
        """Return the topology of faces, cached for the most recent array."""
        if self._faces is not faces:
            self._faces, self._topology = faces, mesh_topology(faces, num_vertices)
        return self._topology

    def render(self, vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray | Surface, K: np.ndarray,
               size: tuple[int, int], light: Light | None = None, labels: np.ndarray | None = None) -> RenderOutput:
        """Render one mesh.

        Args:
            vertices: (V, 3) camera frame (x right, y down, z forward), mm, all in front of the camera.
            faces: (F, 3) integers, counter-clockwise seen from outside.
            colors: (V, 3) RGB in [0, 1], or a surface.
            K: (3, 3) intrinsics in px.
            size: (h, w) in px.
            light: None renders the colours unlit.
            labels: (V,) part labels.

        Returns:
            RenderOutput.

        Raises:
            ValueError: vertices have the wrong shape, are not finite, or lie behind the camera.
        """
        vertices = np.ascontiguousarray(vertices, np.float32)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(f'vertices of shape (V, 3) expected, got {vertices.shape}')
        if not vertices[:, 2].min() > 0 or not np.isfinite(vertices).all():
            raise ValueError(f'vertices must be finite and in front of the camera; smallest z is '
                             f'{vertices[:, 2].min():.1f} mm - is the camera too near?')
        surface = VertexColors(colors) if isinstance(colors, np.ndarray) else colors
        K = np.asarray(K, np.float64)
        hits, normals = self.cast(vertices, faces, K, size)
        return shade(hits, vertices, faces, surface, labels, light, self.topology(faces, len(vertices)), size,
                     self.supersample, normals)
