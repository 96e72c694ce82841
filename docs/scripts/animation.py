"""Draw docs/images/walking.webp from a video and what ``mmxas infer VIDEO --boxes FILE.json --out-dir DIR`` wrote of it.

``python docs/scripts/animation.py cam01.mp4 DIR``; the video is the first camera of Demo_SinglePerson in the package
pose2sim 0.10.49, with the boxes of a walking man. Each frame shows the chosen pose in the image and in 3D from a
direction that turns around the body, with the other hypotheses in grey.
"""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from mmxas.io import VideoReader, read_json
from mmxas.ops import choose_path, limb_groups, smooth_poses, take_path
from mmxas.structures import load_skeleton
from mmxas.visualization.canvas import figure_to_rgb, new_figure
from mmxas.visualization.image_panels import draw_overlay
from mmxas.visualization.pose_style import PoseStyle
from mmxas.visualization.pose_views import draw_floor, draw_ghost, draw_pose, project

OUT = Path(__file__).resolve().parents[1] / 'images' / 'walking.webp'
SHOWN = (0, 220, 1080, 1380)  # the part of the image that is drawn, px
HALF = 520  # half of the side of the 3D view, px of the image
ELEVATION = 12


def choose(records: list[dict], times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the smoothed path through the hypotheses (T, K, 3) and all hypotheses (T, H, K, 3).

    x and y are px of the image; z is in px of the image, relative to the root.
    """
    people = [record['instances'][0] for record in records]
    sides = np.array([person['crop'][2] - person['crop'][0] for person in people])
    hypotheses, valid = (np.array([[one[key] for one in person['hypotheses']] for person in people])
                         for key in ('keypoints', 'valid'))
    hypotheses[..., 2] *= sides[:, None, None]
    groups = limb_groups(load_skeleton(records[0]['skeleton']['name']).parents)
    chosen = take_path(hypotheses, choose_path(hypotheses, valid, times, groups))
    return smooth_poses(chosen, times=times), hypotheses


def draw(image: np.ndarray, pose: np.ndarray, hypotheses: np.ndarray, style: PoseStyle, azimuth: float,
         floor: float) -> np.ndarray:
    """Return one frame: the image with the pose, and the hypotheses in 3D from a direction."""
    left, top, right, bottom = SHOWN
    figure = new_figure(6.4, 3.6, 100)
    photo = figure.add_axes((0, 0, 0.52, 1))
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
    """Read, draw and write the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', type=Path)
    parser.add_argument('results', type=Path, help='a folder with predictions/<name of the video>_<frame>.json')
    parser.add_argument('--frames', type=int, nargs=3, default=(6, 92, 2), metavar=('FIRST', 'END', 'STEP'))
    parser.add_argument('--out', type=Path, default=OUT, help='.webp or .gif')
    args = parser.parse_args()
    numbers = range(*args.frames)
    reader = VideoReader(args.video)
    records = [read_json(args.results / 'predictions' / f'{args.video.stem}_{i:06d}.json') for i in numbers]
    poses, hypotheses = choose(records, np.array(numbers) / 60)
    skeleton = load_skeleton(records[0]['skeleton']['name'])
    style = PoseStyle.from_dataset_meta(skeleton.dataset_meta(), skeleton.num_keypoints)
    floor = float((poses[..., 1] - poses[:, :1, 1]).max())
    azimuths = np.linspace(0, 360, len(numbers), endpoint=False)
    frames = [Image.fromarray(draw(reader.read(i, 'rgb24'), pose, others, style, azimuth, floor))
              for i, pose, others, azimuth in zip(numbers, poses, hypotheses, azimuths, strict=True)]
    frames[0].save(args.out, save_all=True, append_images=frames[1:], duration=90, loop=0, quality=60, method=6)
    print(f'{args.out}: {len(frames)} frames, {args.out.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
