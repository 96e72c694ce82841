"""What choosing hypotheses over time is worth: ``python tools/analysis/hypothesis_path.py --clips CLIP --seeds 0 1 2``

Films recorded motions by the renderer: one body, camera, dress, light and background a seed. ``--pose2sim`` adds the
walking man of the videos in the package pose2sim, whose labelled frames MMXAS_DATA_DIR has. The detector predicts each
frame by itself, with the true camera and the root's true depth. Prints how far the top-1 pose, the path
through the hypotheses, their smoothed versions, and the best hypotheses are from the truth, and how much they tremble.
Predictions are kept in ``--out``; those that are there are not made again.
"""
import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.apis import XASInferencer, lift_to_camera
from mmxas.cli.running import run_command
from mmxas.errors import UsageError
from mmxas.evaluation.hypothesis_selection import counted_poses
from mmxas.io import VideoReader, open_arrays, read_json
from mmxas.io.atomic_writes import write_atomically
from mmxas.ops import choose_path, limb_groups, mpjpe, p_mpjpe, smooth_poses, take_path
from mmxas.ops.key_frames import interpolate_boxes
from mmxas.synthesis.pair_generator import PairGenerator

LABELS = 'photos/pose2sim/labels.json'
FPS = 60  # of the videos of pose2sim
SHARPER = 2  # they are larger than what the labels' intrinsics are of


@dataclass(frozen=True)
class Clip:
    """The frames of one motion with what is known of them, or predicted. T frames, H hypotheses, K keypoints.

    Attributes:
        times: (T,) in s.
        truth: (T, n, 3) camera mm; NaN in frames without labels.
        keypoints: (n,) indices of the keypoints that have labels.
        centre: Indices into ``keypoints`` of those whose mean both poses are centred on.
        hypotheses: (T, H, K, 3) camera mm.
        scores: (T, H, K).
        valid: (T, H, K) bool.
        parents: (K,) of the model's skeleton.
    """

    times: np.ndarray
    truth: np.ndarray
    keypoints: np.ndarray
    centre: np.ndarray
    hypotheses: np.ndarray
    scores: np.ndarray
    valid: np.ndarray
    parents: np.ndarray


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', nargs='+', default=['human'], metavar=('MODEL', 'WEIGHTS'),
                        help='a shipped model, or a config and its checkpoint (default: human)')
    parser.add_argument('--clips', nargs='*', default=['dance_b'], help='recorded motions (default: dance_b)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--pose2sim', type=Path, metavar='FOLDER', help='of cam01.mp4 and cam02.mp4')
    parser.add_argument('--every', type=int, default=2, help='take every n-th frame (default: 2, 30 a second)')
    parser.add_argument('--motion-std', type=float, default=1000.0,
                        help='how far a keypoint wanders along an axis in a second, mm (default: 1000)')
    parser.add_argument('--window', type=int, default=9, help='of the smoother, in frames (default: 9)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/hypothesis_path'),
                        help='default: work_dirs/hypothesis_path')
    args = parser.parse_args(arguments)
    if args.pose2sim is not None and not os.environ.get('MMXAS_DATA_DIR'):
        parser.error(f'--pose2sim: MMXAS_DATA_DIR is not set: name the folder that has {LABELS}')
    return args


def predict(inferencer: XASInferencer, frames: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, float]]) -> dict:
    """Hypotheses of frames, each an image (BGR), its box, its intrinsics and the root's depth in mm."""
    found = []
    for image, box, K, depth in frames:
        result = next(inferencer(image, bboxes=box, camera=dict(K=K, root_depth=depth), return_datasamples=True))
        sample, = result['predictions']
        predicted = sample.pred_instances
        found.append((lift_to_camera(sample, K, depth)[0], predicted.hypothesis_scores[0],
                      predicted.hypothesis_valid[0]))
    stacked = {name: np.stack([np.asarray(frame[i]) for frame in found])
               for i, name in enumerate(('hypotheses', 'scores', 'valid'))}
    return dict(stacked, parents=np.array(inferencer.model.skeleton.parents))


def rendered(inferencer: XASInferencer, name: str, seed: int, every: int) -> Clip:
    """A recorded motion, filmed and predicted."""
    config = inferencer.cfg.test_dataloader.dataset.generator
    film = PairGenerator.from_config(
        config, pose_source=dict(config.pose_source, clips=[name]), seed=seed, crop='root_box', box_mm=2600.0,
        image_size=384, skeleton=inferencer.model.skeleton, fixed_scene=True)
    source = film.pose_source
    with open_arrays(source.data_files[0]) as content:
        step = float(content['dt'][source.clip_names.index(name)])
    order = np.argsort([source.row(index) for index in range(len(source))])[::every]
    pairs = [film.generate(int(index)) for index in order]
    root = film.skeleton.root
    frames = ((pair.image, pair.bbox, pair.K, float(pair.keypoints_cam[root, 2])) for pair in pairs)
    return Clip(times=np.arange(len(order)) * step * every, truth=np.stack([pair.keypoints_cam for pair in pairs]),
                keypoints=np.arange(film.skeleton.num_keypoints), centre=np.array([root]),
                **predict(inferencer, frames))


def walking(inferencer: XASInferencer, folder: Path, camera: int, every: int) -> Clip:
    """The walking man between his first and last label; box and depth are interpolated between labels."""
    content = read_json(Path(os.environ['MMXAS_DATA_DIR']) / LABELS)
    labels = {int(frame['file'].partition('_')[2][:3]): frame for frame in content['frames']
              if frame['file'].startswith(f'cam{camera}_')}
    numbers, names = np.array(sorted(labels)), content['names']
    points, poses = (np.array([labels[i][key] for i in numbers]) for key in ('keypoints_px', 'keypoints_cam'))
    hips = np.array([names.index('right_hip'), names.index('left_hip')])
    low, high = points.min(axis=1), points.max(axis=1)
    margin = (high - low).max(axis=1, keepdims=True) * 0.12
    boxes = np.concatenate([low - margin * [1, 1.5], high + margin], axis=1)  # there is no label of the head
    at = np.arange(numbers[0], numbers[-1] + 1, every)
    boxes = interpolate_boxes(numbers, boxes, at)
    depths = np.interp(at, numbers, poses[:, hips, 2].mean(axis=1))
    video = VideoReader(folder / f'cam{camera:02d}.mp4')
    size = (video.shape[1] // SHARPER, video.shape[0] // SHARPER)
    frames = ((cv2.resize(video.read(int(i), 'bgr24'), size, interpolation=cv2.INTER_AREA), box,
               np.array(labels[numbers[0]]['K']), float(depth)) for i, box, depth in zip(at, boxes, depths))
    truth = np.full((len(at), len(names), 3), np.nan)
    for number, pose in zip(numbers, poses):
        truth[at == number] = pose
    of_model = inferencer.model.skeleton.keypoints
    return Clip(times=at / FPS, truth=truth, keypoints=np.array([of_model.index(name) for name in names]),
                centre=hips, **predict(inferencer, frames))


def load(path: Path) -> Clip:
    """Read what :func:`save` wrote."""
    with open_arrays(path) as content:
        return Clip(**{field.name: content[field.name] for field in fields(Clip)})


def save(path: Path, clip: Clip) -> None:
    """Write the predictions of a clip."""
    write_atomically(path, lambda file: np.savez_compressed(file, **asdict(clip)))


def estimates(clip: Clip, motion_std: float, window: int) -> dict[str, np.ndarray]:
    """Poses (T, K, 3) by each way of choosing, and by each way followed by the smoother."""
    chosen = {'top-1': clip.hypotheses[:, 0]}
    for name, groups in dict(keypoint='keypoint', limb=limb_groups(clip.parents.tolist()), pose='pose').items():
        for scored, options in {'': {}, ' and scores': dict(scores=clip.scores, motion_std=motion_std)}.items():
            path = choose_path(clip.hypotheses, clip.valid, clip.times, groups, **options)
            chosen[f'path by {name}{scored}'] = take_path(clip.hypotheses, path)
    return {f'{name}{suffix}': poses if not suffix else smooth_poses(poses, window, times=clip.times)
            for name, poses in chosen.items() for suffix in ('', ', smoothed')}


def figures(clip: Clip, poses: np.ndarray) -> tuple[float, float, float]:
    """MPJPE and P-MPJPE in mm of the frames with labels, and the mean acceleration of all frames in m/s^2."""
    of_labels = centred(poses[:, clip.keypoints], clip.centre)
    labelled = np.isfinite(clip.truth).all(axis=(1, 2))
    truth = centred(clip.truth[labelled], clip.centre)
    errors = mpjpe(of_labels[labelled], truth, root=None), p_mpjpe(of_labels[labelled], truth)
    return *(float(error.mean()) for error in errors), acceleration(of_labels, clip.times)


def best(clip: Clip) -> dict[str, tuple[float, float, float]]:
    """Figures of the poses and of the keypoints that are nearest to the truth, as if it were known."""
    labelled = np.flatnonzero(np.isfinite(clip.truth).all(axis=(1, 2)))
    hypotheses, valid = clip.hypotheses[labelled][:, :, clip.keypoints], clip.valid[labelled][:, :, clip.keypoints]
    hypotheses, truth = centred(hypotheses, clip.centre), centred(clip.truth[labelled], clip.centre)
    counted, targets = counted_poses(valid), np.broadcast_to(truth[:, None], hypotheses.shape)
    errors = [float(np.where(counted, error, np.inf).min(axis=1).mean())
              for error in (mpjpe(hypotheses, targets, root=None), p_mpjpe(hypotheses, targets))]
    distance = np.where(valid, np.linalg.norm(hypotheses - targets, axis=-1), np.inf)
    nearest = take_path(hypotheses, distance.argmin(axis=1))
    errors_nearest = [float(error.mean()) for error in (mpjpe(nearest, truth, root=None), p_mpjpe(nearest, truth))]
    return {'best pose': (*errors, np.nan), 'best keypoints': (*errors_nearest, np.nan)}


def centred(poses: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Poses (..., K, 3) about the mean of some keypoints."""
    return poses - poses[..., centre, :].mean(axis=-2, keepdims=True)


def acceleration(poses: np.ndarray, times: np.ndarray) -> float:
    """Mean size of the second derivative of poses (T, K, 3) mm at even times (T,) s, in m/s^2."""
    step = np.diff(times).mean()
    return float(np.linalg.norm(np.diff(poses, n=2, axis=0), axis=-1).mean() / step ** 2 / 1000)


def table(clips: dict[str, Clip], motion_std: float, window: int) -> str:
    """Markdown: a row a way of choosing; MPJPE / P-MPJPE / acceleration of each clip."""
    rows: dict[str, list[str]] = {}
    for clip in clips.values():
        found = {name: figures(clip, poses) for name, poses in estimates(clip, motion_std, window).items()}
        found |= best(clip) | {'truth': (0.0, 0.0, figures(clip, whole(clip))[2])}
        for name, numbers in found.items():
            texts = ['–' if np.isnan(number) else f'{number:.{digits}f}' for number, digits in zip(numbers, (1, 1, 0))]
            rows.setdefault(name, []).append(' / '.join(texts))
    lines = ['| ' + ' | '.join(['', *clips]) + ' |', '|---' * (len(clips) + 1) + '|']
    return '\n'.join(lines + [f'| {name} | ' + ' | '.join(cells) + ' |' for name, cells in rows.items()])


def whole(clip: Clip) -> np.ndarray:
    """The truth at the places of the model's keypoints, NaN where there are no labels."""
    poses = np.full((len(clip.truth), clip.hypotheses.shape[2], 3), np.nan)
    poses[:, clip.keypoints] = clip.truth
    return poses


def compare(args: argparse.Namespace) -> None:
    """Predict what is not there, and print the table.

    Raises:
        UsageError: A clip, a video or the labels are not there.
    """
    wanted = {f'{name}_{seed}': (rendered, name, seed) for name in args.clips for seed in args.seeds}
    if args.pose2sim is not None:
        wanted |= {f'walking_{camera}': (walking, args.pose2sim, camera) for camera in (1, 2)}
    inferencer, clips = None, {}
    try:
        for name, (make, *arguments) in wanted.items():
            path = args.out / f'{name}_{args.every}.npz'
            if not path.is_file():
                inferencer = inferencer or XASInferencer(*args.model, depth_heatmaps=False)
                save(path, make(inferencer, *arguments, args.every))
            clips[name] = load(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    print(table(clips, args.motion_std, args.window))


if __name__ == '__main__':
    sys.exit(run_command('hypothesis_path', parse_args, compare))
