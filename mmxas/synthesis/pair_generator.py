"""Generate image–pose pairs; each pair depends on the seed and its index only.

Shapes: V vertices, J joints, K keypoints, S side of the stored image in px.
"""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmxas.ops.boxes import mask_box
from mmxas.registry import APPEARANCES, BACKGROUNDS, BODY_MODELS, CAMERAS, LIGHTS, POSE_SOURCES, RENDERERS
from mmxas.structures import load_skeleton
from mmxas.synthesis.cameras import CameraSample, CropName, crop_intrinsics, crop_window
from mmxas.synthesis.pose_sources.sampling import PoseSample
from mmxas.synthesis.renderers.shading import RenderOutput
from mmxas.synthesis.shards import SyntheticPair

Config = Mapping[str, Any]
# Each component has its own random stream: changing the appearance does not change poses and cameras.
STREAMS = ('body', 'pose', 'camera', 'appearance', 'light', 'background')
CAMERA_DRAWS = 20  # largest number of cameras drawn for a pair
NEAREST = 50.0  # a camera fits if each vertex of the bare body is deeper, mm


class PairGenerator:
    """Pose a body, render it in front of a background, and cut out a square image (paper, 3.3.2 and C.1).

    Args:
        body_model: config of a body model, or a list of them, chosen with equal probabilities unless the pose source
            specifies the body model of a shape.
        pose_source: config of the pose source: a prior, or recorded poses.
        camera: config of a camera.
        appearance: config of the appearance; default: part segmentation in random colormaps.
        light: config of the light, None for unlit colours.
        background: config of the background; default: black.
        renderer: config of a renderer.
        skeleton: skeleton of the pairs; the body models must have the same keypoints. A data set passes its own.
        image_size: side of the images in px.
        crop: ``'mask'`` cuts a square around the body's box, side = its larger side * ``margin``; ``'root_box'`` cuts a
            square around the root, side = ``box_mm`` at the root's depth.
        margin: see ``crop``. Default: 1.25 (a detector's crop) * 1.5, so that rotation, scaling and shifting stay
            inside the image.
        box_mm: see ``crop``.
        seed: seed of the whole set.
        fixed_scene: all pairs have the body, camera, appearance, light and background of pair 0, as the frames of a
            film; poses change with the index if the pose source is a recording. Default: False.

    Raises:
        ValueError: there is no skeleton, keypoints or joints of body, skeleton and pose source do not match, or the
            appearance does not fit a body.
        KeyError: a component has the wrong kind, such as a background given as appearance.
    """

    def __init__(self, body_model: Config | Sequence[Config], pose_source: Config, camera: Config | None = None,
                 appearance: Config | None = None, light: Config | None = None, background: Config | None = None,
                 renderer: Config | None = None, skeleton: Any = None, image_size: int = 256,
                 crop: CropName = 'mask', margin: float = 1.875, box_mm: float = 2000.0, seed: int = 0,
                 fixed_scene: bool = False) -> None:
        bodies = [body_model] if isinstance(body_model, Mapping) else list(body_model)
        self.bodies = [BODY_MODELS.build(body).eval() for body in bodies]
        self.pose_source = POSE_SOURCES.build(pose_source)
        self.camera = CAMERAS.build(camera or dict(type='SampledCamera'))
        self.appearance = APPEARANCES.build(appearance or dict(type='PartSegmentation'))
        self.light = None if light is None else LIGHTS.build(light)
        self.background = BACKGROUNDS.build(background or dict(type='PlainBackground'))
        self.renderer = RENDERERS.build(renderer or dict(type='EmbreeRenderer'))
        self.skeleton = load_skeleton(skeleton)
        self.image_size, self.crop, self.margin, self.box_mm = image_size, crop, margin, box_mm
        self.seed, self.fixed_scene = seed, fixed_scene
        self._check()

    @classmethod
    def from_config(cls, config: Config, **changes: Any) -> 'PairGenerator':
        """Build from a config; a ``type`` entry is allowed and ignored.

        Args:
            config: the constructor's arguments.
            changes: arguments that replace those of the config, such as ``seed``.
        """
        return cls(**{**{key: value for key, value in config.items() if key != 'type'}, **changes})

    @property
    def data_files(self) -> list[Path]:
        """Return the files that the pairs depend on: body models, priors, clips, clothes, photos, textures."""
        parts = (*self.bodies, self.pose_source, self.camera, self.appearance, self.light, self.background)
        found = [Path(file) for part in parts for file in getattr(part, 'data_files', ())]
        return [Path(body.model_path) for body in self.bodies if hasattr(body, 'model_path')] + found

    @property
    def versions(self) -> dict[str, int]:
        """Return the versions of the components that have one; another version draws other pairs from the same
        config."""
        parts = (*self.bodies, self.pose_source, self.camera, self.appearance, self.light, self.background)
        return {type(part).__name__: part.version for part in parts if hasattr(part, 'version')}

    def _check(self) -> None:
        if self.crop not in ('mask', 'root_box'):
            raise ValueError(f"PairGenerator: crop={self.crop!r}, expected 'mask' or 'root_box'")
        if self.margin < 1 or self.image_size < 8:
            raise ValueError(f'PairGenerator: margin={self.margin}, image_size={self.image_size}; expected margin >= 1 '
                             'and image_size >= 8')
        for body in self.bodies:
            if tuple(body.keypoint_names) != self.skeleton.keypoints:
                raise ValueError(f'PairGenerator: the skeleton {self.skeleton.name!r} has the '
                                 f'{self.skeleton.num_keypoints} keypoints {self.skeleton.keypoints}, the body model '
                                 f'gives {len(body.keypoint_names)}: {tuple(body.keypoint_names)}')
        joints = self.pose_source.sample(1, np.random.default_rng(0)).pose.shape[1]
        wrong = [body.num_joints for body in self.bodies if body.num_joints != joints]
        if wrong:
            raise ValueError(f'PairGenerator: the pose source has {joints} joints, the body model {wrong[0]}')
        for body in self.bodies:  # raises now, not at the first pair, if an appearance does not fit a body
            self.appearance.sample(body, np.random.default_rng(0))

    def _streams(self, index: int) -> dict[str, np.random.Generator]:
        number = 0 if self.fixed_scene else index
        return {name: np.random.default_rng([self.seed, number, i]) for i, name in enumerate(STREAMS)}

    def generate(self, index: int) -> SyntheticPair:
        """Generate pair ``index``.

        Args:
            index: at least 0.

        Returns:
            The pair, which is always the same for a config, seed and index. If the body comes nearer than 5 cm to the
            camera's plane, another camera is drawn, except with ``fixed_scene``.

        Raises:
            RuntimeError: the body is outside the image.
            ValueError: the pose source names a body model that the generator does not have; or the body reaches behind
                the camera, with ``fixed_scene`` or in the last of 20 draws.
        """
        rng = self._streams(index)
        drawn = int(rng['body'].integers(len(self.bodies)))
        sample = self.pose_source.sample(1, rng['pose'], index)
        number = self._body_number(sample, drawn)
        body = self.bodies[number]
        for _ in range(1 if self.fixed_scene else CAMERA_DRAWS):
            camera = self.camera.sample(rng['camera'])
            vertices, keypoints = self._pose(body, sample, camera)
            if vertices[:, 2].min() > NEAREST:
                break
        K = crop_intrinsics(camera.K, *crop_window(vertices, keypoints[self.skeleton.root], camera.K, self.crop,
                                                   self.margin, self.box_mm), self.image_size)
        light = None if self.light is None else self.light.sample(rng['light'])
        surface = self.appearance.sample(body, rng['appearance'])
        mesh = vertices, body.faces, body.part_labels
        if hasattr(surface, 'dress'):  # adds meshes of its own
            mesh = surface.dress(vertices, body.part_labels)
        out = self.renderer.render(*mesh[:2], surface, K, (self.image_size, self.image_size), light, mesh[2])
        box = mask_box(out.mask)
        if box is None:
            raise RuntimeError(f'pair {index}: the body is outside the image; camera ranges and crop do not fit')
        return SyntheticPair(
            image=self._compose(out, rng['background']), mask=out.mask.astype(np.uint8) * 255,
            keypoints_cam=keypoints.astype(np.float32), K=K.astype(np.float32), bbox=box, clip=sample.clip[0],
            frame=int(sample.frame[0]), yaw=camera.yaw, body=number, pose=sample.pose[0], betas=sample.betas[0])

    def _body_number(self, sample: PoseSample, drawn: int) -> int:
        """Return the index of the shape's body model; ``drawn`` if the shape fits any, or there is only one."""
        if sample.body is None or len(self.bodies) == 1:
            return drawn
        number = int(sample.body[0])
        if not 0 <= number < len(self.bodies):
            raise ValueError(f'PairGenerator: the pose source has a shape of body model {number}, but body_model lists '
                             f'{len(self.bodies)}; list those that the source was made with, in its order')
        return number

    @torch.no_grad()
    def _pose(self, body: Any, sample: PoseSample, camera: CameraSample) -> tuple[np.ndarray, np.ndarray]:
        """Return vertices (V, 3) float32 and keypoints (K, 3) float64 in the camera frame, mm."""
        betas = torch.from_numpy(sample.betas[:, :body.num_betas])
        vertices = body(torch.from_numpy(sample.pose), betas).vertices
        keypoints = body.keypoints(vertices)[0].numpy().astype(np.float64)
        root = keypoints[self.skeleton.root]
        rotation = body.axes.T @ camera.R.T * 1000.0
        moved = (vertices[0].numpy() - root.astype(np.float32)) @ rotation.astype(np.float32)
        return moved + camera.t.astype(np.float32), (keypoints - root) @ rotation + camera.t

    @torch.no_grad()
    def body_keypoints(self, indices: Iterable[int], chunk: int = 64) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints of pairs in the body's frame (x left, y up, z front), without rendering.

        Args:
            indices: indices of the pairs.
            chunk: number of poses per step.

        Returns:
            (n, K, 3) mm, and the clip of each pose (n,).
        """
        indices, keypoints, clips = list(indices), [], []
        for number in range(0, len(indices), chunk):
            samples = [self.pose_source.sample(1, self._streams(i)['pose'], i) for i in indices[number:number + chunk]]
            pose, betas = (torch.from_numpy(np.concatenate([s[k] for s in samples])) for k in (0, 1))
            body = self.bodies[0]
            found = body.keypoints(body(pose, betas[:, :body.num_betas]).vertices).numpy()
            keypoints.append(found @ body.axes.T.astype(found.dtype) * 1000.0)
            clips += [s.clip[0] for s in samples]
        return np.concatenate(keypoints), np.array(clips)

    def _compose(self, out: RenderOutput, rng: np.random.Generator) -> np.ndarray:
        """Return the body in front of a background: (S, S, 3) uint8 BGR."""
        behind = self.background.sample(self.image_size, rng)
        alpha = out.alpha[..., None]
        return (behind + alpha * (out.rgb[..., ::-1].astype(np.float32) - behind) + 0.5).astype(np.uint8)
