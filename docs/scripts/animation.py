"""Draw docs/images/walking.webp: ``python docs/scripts/animation.py cam01.mp4``.

The video is the first camera of Demo_SinglePerson in the package pose2sim 0.10.49. Each frame shows the chosen pose in
the image and in 3D from a direction that turns around the body, with the other hypotheses in grey.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import mmxas  # noqa: F401  first: it makes mmpose import

# isort: split
from mmxas.apis import XASInferencer
from mmxas.io import VideoReader
from mmxas.ops import choose_path, limb_groups, smooth_poses, take_path
from mmxas.ops.key_frames import interpolate_boxes
from mmxas.visualization.canvas import figure_to_rgb, new_figure
from mmxas.visualization.image_panels import draw_overlay
from mmxas.visualization.pose_style import PoseStyle
from mmxas.visualization.pose_views import draw_floor, draw_ghost, draw_pose, project

OUT = Path(__file__).resolve().parents[1] / 'images' / 'walking.webp'
SHOWN = (0, 220, 1080, 1380)  # the part of the image that is drawn, px
HALF = 450  # half of the side of the 3D view, px of the image
ELEVATION = 12
# Boxes of the walking man in frames of the video, px.
BOXES = {5: (200, 382, 620, 1160), 17: (236, 380, 668, 1166), 29: (128, 344, 716, 1176), 41: (40, 280, 734, 1184),
         53: (66, 316, 740, 1178), 65: (286, 368, 768, 1262), 77: (320, 438, 820, 1274), 89: (374, 472, 1012, 1280)}


def choose(people: list[dict], times: np.ndarray, parents: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the smoothed path through the hypotheses (T, K, 3) and all hypotheses (T, H, K, 3).

    x and y are px of the image; z is in px of the image, relative to the root.
    """
    sides = np.array([person['crop'][2] - person['crop'][0] for person in people])
    hypotheses, valid = (np.array([[one[key] for one in person['hypotheses']] for person in people])
                         for key in ('keypoints', 'valid'))
    hypotheses[..., 2] *= sides[:, None, None]
    chosen = take_path(hypotheses, choose_path(hypotheses, valid, times, limb_groups(parents)))
    return smooth_poses(chosen, times=times), hypotheses


def draw(image: np.ndarray, pose: np.ndarray, hypotheses: np.ndarray, style: PoseStyle, azimuth: float,
         floor: float) -> np.ndarray:
    """Return one frame: the image with the pose, and the hypotheses in 3D from a direction."""
    left, top, right, bottom = SHOWN
    figure = new_figure(7.2, 4.0, 100)
    photo = figure.add_axes((0, 0, 0.517, 1))
    photo.imshow(image)
    draw_overlay(photo, pose[:, :2], style)
    photo.set(xlim=(left, right), ylim=(bottom, top))
    view = figure.add_axes((0.52, 0, 0.48, 1))
    on_white = style.on_white()
    draw_floor(view, floor, HALF * 0.8, azimuth, ELEVATION)
    for other in hypotheses:
        draw_ghost(view, project(other - other[:1], azimuth, ELEVATION), on_white)
    draw_pose(view, project(pose - pose[:1], azimuth, ELEVATION), on_white)
    view.set(xlim=(-HALF, HALF), ylim=(-HALF * 1.17, HALF * 1.17))
    for axes in (photo, view):
        axes.set_aspect('equal', adjustable='box')
        axes.axis('off')
    return figure_to_rgb(figure)


def main() -> None:
    """Predict, draw and write the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', type=Path)
    parser.add_argument('--every', type=int, default=2, help='take every n-th frame (default: 2)')
    parser.add_argument('--out', type=Path, default=OUT, help='.webp or .gif')
    args = parser.parse_args()
    numbers = np.arange(min(BOXES), max(BOXES) + 1, args.every)
    boxes = interpolate_boxes(np.array(list(BOXES)), np.array(list(BOXES.values()), dtype=float), numbers)
    inferencer, reader = XASInferencer('human', depth_heatmaps=False), VideoReader(args.video)
    people = [next(inferencer(reader.read(int(number), 'bgr24'), bboxes=box))['predictions'][0]['instances'][0]
              for number, box in zip(numbers, boxes, strict=True)]
    poses, hypotheses = choose(people, numbers / 60, inferencer.model.skeleton.parents)
    style = PoseStyle.from_dataset_meta(inferencer.model.dataset_meta, poses.shape[1])
    floor = float((poses[..., 1] - poses[:, :1, 1]).max())
    azimuths = np.linspace(0, 360, len(numbers), endpoint=False)
    frames = [Image.fromarray(draw(reader.read(int(i), 'rgb24'), pose, others, style, azimuth, floor))
              for i, pose, others, azimuth in zip(numbers, poses, hypotheses, azimuths, strict=True)]
    frames[0].save(args.out, save_all=True, append_images=frames[1:], duration=90, loop=0, quality=70, method=6)
    print(f'{args.out}: {len(frames)} frames, {args.out.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
