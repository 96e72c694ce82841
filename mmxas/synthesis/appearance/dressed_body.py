"""Bodies with skin, hair and clothes: textures and meshes."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.synthesis.appearance.painted_clothes import draw_color
from mmxas.synthesis.appearance.uv_texture import TexturedSurface
from mmxas.synthesis.appearance.wardrobe import Garment, find_wardrobe, read_wardrobe
from mmxas.synthesis.renderers.shading import Surface

MILLIMETRES = 1000.0
PALETTES = {'hair': 'hair', 'suit': ('cloth', 'vivid'), 'shoes': ('shoes', 'vivid'), 'hat': ('cloth', 'vivid')}


class DressedSurface:
    """A body's surface with the meshes of its garments.

    Args:
        body: the body's own surface.
        body_faces: (F, 3) all faces of the body.
        worn: garments, each with two textures: for its faces above and below the body's first joint.
        below: (F,) bool, faces of the body below its first joint.
    """

    def __init__(self, body: Surface, body_faces: np.ndarray,
                 worn: list[tuple[Garment, tuple[np.ndarray, np.ndarray]]], below: np.ndarray) -> None:
        self.body, self.body_faces, self.worn, self.below = body, body_faces, worn, below
        hidden = np.zeros(len(body_faces), bool)
        for garment, _ in worn:
            hidden |= garment.hidden[body_faces].all(1)
        self.kept = np.flatnonzero(~hidden)

    def dress(self, vertices: np.ndarray, labels: np.ndarray | None
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return the mesh of the dressed body: vertices (V', 3), faces (F', 3) and labels (V',).

        Args:
            vertices: (V, 3) of the posed body in mm.
            labels: (V,) part labels, or None.
        """
        all_vertices, all_faces, all_labels = [vertices], [self.body_faces[self.kept]], [labels]
        count = len(vertices)
        for garment, _ in self.worn:
            all_vertices.append(garment.place(vertices, self.body_faces, MILLIMETRES).astype(vertices.dtype))
            all_faces.append(garment.faces + count)
            if labels is not None:
                all_labels.append(labels[self.body_faces[garment.face, garment.bary.argmax(1)]])
            count += len(garment.face)
        return (np.concatenate(all_vertices), np.concatenate(all_faces),
                None if labels is None else np.concatenate(all_labels))

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        out = np.empty((len(face), 3), np.float32)
        begin = len(self.kept)
        own = face < begin
        out[own] = self.body.colors(corners[own], self.kept[face[own]], bary[own])
        for garment, textures in self.worn:
            own = np.flatnonzero((face >= begin) & (face < begin + len(garment.faces)))
            local = face[own] - begin
            below = self.below[garment.face[garment.faces[local, 0]]].astype(np.int64)
            for part, texture in enumerate(textures):
                rows = below == part
                surface = TexturedSurface(garment.uv, garment.uv_faces, texture)
                out[own[rows]] = surface.colors(corners[own[rows]], local[rows], bary[own[rows]])
            begin += len(garment.faces)
        return out


@APPEARANCES.register_module()
class DressedBody:
    """Appearance with a skin texture and with garments and hair as separate meshes.

    Args:
        body: config of the appearance of the bare body.
        file: name of a shipped wardrobe, or a path. Default: the wardrobe of the free human.
        chances: probability per kind of garment that one is worn, 0 for missing kinds. Default: a suit 0.5, shoes 0.7,
            hair 0.8, a hat 0.1.
        recolored: probability that a garment gets another colour than its texture; hair always does. Default: 0.6.

    Raises:
        ValueError: the wardrobe has no garment of a kind.
    """

    def __init__(self, body: Mapping[str, Any], file: str = 'free_human_wardrobe',
                 chances: Mapping[str, float] | None = None, recolored: float = 0.6) -> None:
        self.body = APPEARANCES.build(body)
        self.chances = dict(chances or dict(suit=0.5, shoes=0.7, hair=0.8, hat=0.1))
        self.recolored = recolored
        path = find_wardrobe(file)
        wardrobe = read_wardrobe(path)
        self.garments = {kind: [garment for garment in wardrobe if garment.kind == kind] for kind in self.chances}
        unknown = [kind for kind, garments in self.garments.items() if not garments]
        if unknown:
            raise ValueError(f'DressedBody: the wardrobe {file!r} has no {unknown}; it has '
                             f'{sorted({garment.kind for garment in wardrobe})}')
        self.num_vertices = len(wardrobe[0].hidden)
        self.data_files = (path, *sorted(path.parent.glob('*.jpg')), *getattr(self.body, 'data_files', ()))

    def sample(self, body: Any, rng: np.random.Generator) -> DressedSurface:
        """Draw the appearance of one body.

        Args:
            body: the free human, to whose faces the garments are attached.
            rng: source of randomness.

        Raises:
            ValueError: the garments do not fit the body's mesh.
        """
        rest, faces = np.asarray(body.v_template), np.asarray(body.faces)
        if len(rest) != self.num_vertices:
            raise ValueError(f'DressedBody: the garments need a mesh of {self.num_vertices} vertices, the body has '
                             f'{len(rest)}; they fit the free human')
        surface, worn = self.body.sample(body, rng), []
        for kind, garments in self.garments.items():
            chance, garment = rng.random(), garments[rng.integers(len(garments))]
            colors = [self._color(kind, rng) for _ in range(2)]
            if chance < self.chances[kind]:
                worn.append((garment, tuple(_colored(garment.texture, color) for color in colors)))
        below = rest[faces].mean(1)[:, 1] < np.asarray(body.joint_template)[0, 1]
        return DressedSurface(surface, faces, worn, below)

    def _color(self, kind: str, rng: np.random.Generator) -> np.ndarray | None:
        """Return the colour (3,) of a garment, None for the colour of its texture."""
        chance, color = rng.random(), draw_color(PALETTES[kind], rng)
        return color if kind == 'hair' or chance < self.recolored else None


def _colored(texture: np.ndarray, color: np.ndarray | None) -> np.ndarray:
    """Return a texture recoloured with its brightness kept; the texture itself for None."""
    if color is None:
        return texture
    gray = texture.astype(np.float32).mean(2, keepdims=True)
    return np.clip(gray / max(float(gray.mean()), 1.0) * color * 255, 0, 255).astype(np.uint8)
