"""Detect poses in a video, and write records, tables and an overlay to a folder."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from mmxas.compat.optional_packages import import_packages
from mmxas.interop import write_keypoints
from mmxas.interop.video_records import VideoPoses, read_lines, read_video_poses
from mmxas.io import VideoWriter, atomic_path, write_atomically
from mmxas.io.clips import Clip, open_clip
from mmxas.io.video_writer import require_encoder
from mmxas.ops import choose_path, limb_groups, smooth_poses
from mmxas.ops.hypothesis_path import MISSING
from mmxas.visualization.overlay import draw_poses
from mmxas.visualization.pose_style import PoseStyle

from .following import GivenBoxes
from .known_camera import KnownCamera
from .video_detection import VideoDetector
from .video_folder import VideoFolder, run_settings
from .xas_inferencer import XASInferencer

T = TypeVar('T')


@dataclass(frozen=True)
class VideoResult:
    """What :func:`infer_video` found and wrote.

    Attributes:
        frames: Number of frames.
        nobody: Number of frames without a pose.
        identities: Number of identities.
        poses: Number of poses.
        resumed: Number of frames that an earlier run had finished.
        unread: Number of frames that the file declares but that cannot be decoded.
        files: The written files.
        left_out: The files that were not written, and why.
    """

    frames: int
    nobody: int
    identities: int
    poses: int
    resumed: int
    unread: int
    files: tuple[Path, ...]
    left_out: str = ''


def infer_video(inferencer: XASInferencer, source: str | Path, out_dir: str | Path, *,
                boxes: Mapping[str, Any] | str | Path | None = None, camera: Mapping[str, Any] | None = None,
                key_every: int = 15, all_views: bool = False, smooth: bool = False, overlay: bool = True,
                rate: float = 30.0, overwrite: bool = False, progress: bool = False) -> VideoResult:
    """Detect the poses of a video, select hypotheses over time, and write the results to a folder.

    A run that was killed resumes where it stopped, with the same result. docs/video.md lists the files.

    Args:
        inferencer: The detector.
        source: A video, a folder of frames, or a pattern (:func:`~mmxas.io.clips.open_clip`).
        out_dir: The folder; one for each video.
        boxes: ``{frame: [[x0, y0, x1, y1], ...]}`` in px, or a JSON file of that. Between two listed frames, boxes are
            interpolated. Defaults to None: found automatically.
        camera: ``dict(K=..., root_depth=...)``, as in :class:`.XASInferencer`. Defaults to None: unknown.
        key_every: As in :func:`~.video_detection.detect_frames`. Defaults to 15.
        all_views: As in :func:`~.video_detection.detect_frames`. Defaults to False.
        smooth: Smooth the selected poses (:func:`~mmxas.ops.smooth_poses`) in tables and overlay. Defaults to False.
        overlay: Write ``overlay.mp4``. Defaults to True.
        rate: Frames per second of a folder or pattern. Defaults to 30.
        overwrite: Start over if the folder has results of another video or of other settings. Defaults to False.
        progress: Show a bar with the rate and the time left. Defaults to False.

    Returns:
        Counts of frames and poses, and the written files.

    Raises:
        FileNotFoundError: There is no such video or image.
        UnreadableImageError: The video is truncated, or it or an image cannot be read.
        OSError: A file cannot be written, such as on a full disk; the message names it. The next run resumes.
        ValueError: The folder has results of another video or of other settings, the images differ in size, a box or
            the camera is invalid, or several bodies are found with a camera.
        RuntimeError: ``overlay`` is True, but PyAV has no H.264 encoder.
    """
    clip = open_clip(source, rate)
    if overlay:
        require_encoder()
    given = None if boxes is None else GivenBoxes(boxes, clip.names, clip.shape)
    known = None if camera is None else KnownCamera.from_dict(camera)
    detector = VideoDetector(inferencer, key_every, all_views, given, known)
    settings = run_settings(inferencer, clip, key_every, all_views, boxes, camera)
    folder = VideoFolder(Path(out_dir), clip, settings, overwrite)
    with _bars(progress) as bars:
        start = folder.begin(detector)
        if not folder.complete:
            _detect(detector, clip, folder, start, bars)
        return _finish(inferencer, clip, folder, start, smooth, overlay, bars)


def _detect(detector: VideoDetector, clip: Clip, folder: VideoFolder, start: int, bars: Progress) -> None:
    done = start
    with folder.appending() as append:
        frames = detector.detect(clip.frames(start))
        for _, record in _shown(frames, bars, 'poses', len(clip), start):
            append(record)
            done += 1
    folder.end(done)


def _finish(inferencer: XASInferencer, clip: Clip, folder: VideoFolder, start: int, smooth: bool, overlay: bool,
            bars: Progress) -> VideoResult:
    """Select the paths, and write the files that need all frames."""
    count = [0, 0]
    for record in read_lines(folder.lines):
        count[0] += 1
        count[1] += not record['instances']
    done: dict[str, Any] = dict(frames=count[0], nobody=count[1], resumed=start, unread=len(clip) - count[0])
    if count[0] == count[1]:
        return VideoResult(**done, identities=0, poses=0, files=(folder.lines, ))
    poses = read_video_poses(folder.lines)
    poses.paths[:] = choose_paths(poses, inferencer.model.skeleton.parents)
    _write_paths(folder.lines, poses)
    chosen, pixels = poses.take(poses.hypotheses), poses.pixels
    if smooth:
        chosen, pixels = smoothed(poses, chosen), smoothed(poses, pixels)
    files, left_out = _write_tables(poses, chosen, pixels, folder.root)
    if overlay:
        style = PoseStyle.from_dataset_meta(inferencer.model.dataset_meta, pixels.shape[1])
        files.append(_write_overlay(clip, poses, pixels, style, folder.root / 'overlay.mp4', bars))
    return VideoResult(**done, identities=len(np.unique(poses.identities)), poses=len(poses.frames),
                       files=(*files, folder.lines), left_out=left_out)


def choose_paths(poses: VideoPoses, parents: Iterable[int]) -> np.ndarray:
    """Return the hypotheses that move least over time, limb by limb and for each identity.

    Args:
        poses: N poses.
        parents: (K,) of the skeleton.

    Returns:
        (N, K) int64; 0, the top-1 pose, where a limb has no peak of its own.
    """
    paths, groups = np.zeros_like(poses.paths), limb_groups(list(parents))
    for identity in np.unique(poses.identities):
        rows = poses.of(identity)
        path = choose_path(poses.hypotheses[rows], poses.valid[rows], poses.frame_times[poses.frames[rows]], groups)
        paths[rows] = np.where(path == MISSING, 0, path)
    return paths


def smoothed(poses: VideoPoses, values: np.ndarray) -> np.ndarray:
    """Return values (N, K, D) that are smoothed over time for each identity."""
    smooth = values.copy()
    for identity in np.unique(poses.identities):
        rows = poses.of(identity)
        smooth[rows] = smooth_poses(values[rows], times=poses.frame_times[poses.frames[rows]])
    return smooth


def _write_paths(path: Path, poses: VideoPoses) -> None:
    rows = iter(poses.paths)

    def write(file: Any) -> None:
        for record in read_lines(path):
            for instance in record['instances']:
                instance['path'] = next(rows).tolist()
            file.write(json.dumps(record, allow_nan=False).encode() + b'\n')
    write_atomically(path, write)


def _write_tables(poses: VideoPoses, chosen: np.ndarray, pixels: np.ndarray, folder: Path) -> tuple[list[Path], str]:
    """Write DeepLabCut's tables and the arrays; return the files, and why some are left out."""
    scores = poses.take(poses.scores)
    arrays = dict(
        frame=poses.frames, time=poses.frame_times[poses.frames], identity=poses.identities, box=poses.boxes,
        keypoints_2d=pixels, keypoints_3d=chosen, scores=scores, path=poses.paths,
        hypotheses=poses.hypotheses, hypothesis_scores=poses.scores, hypothesis_valid=poses.valid,
        frame_times=poses.frame_times, names=np.array(poses.names), units=np.array(poses.units))
    npz = folder / 'poses.npz'
    write_atomically(npz, lambda file: np.savez_compressed(file, **arrays))
    try:
        import_packages(folder, 'pandas', 'tables')
    except ImportError as error:
        return [npz], f'no .h5 and .csv: {error}, and run the command again'
    numbers = [str(number) for number in range(len(poses.frame_names))]
    tables = {'poses_2d': poses.table(_decimals(pixels), scores[:, None], frame_names=numbers),
              'poses_3d': poses.table(_decimals(chosen), frame_names=numbers)}
    files = [folder / f'{name}{suffix}' for name in tables for suffix in ('.h5', '.csv')]
    for file in files:
        write_keypoints(tables[file.stem], file)
    return [*files, npz], ''


def _decimals(values: np.ndarray) -> np.ndarray:
    """Return (N, K, D) as (N, 1, K, D) in float64 with 4 decimals, as in the lines."""
    return values.astype(np.float64).round(4)[:, None]


def _write_overlay(clip: Clip, poses: VideoPoses, pixels: np.ndarray, style: PoseStyle, path: Path,
                   bars: Progress) -> Path:
    with atomic_path(path) as part, VideoWriter(part, clip.shape, clip.rate) as writer:
        for frame in _shown(clip.frames(), bars, 'overlay', len(poses.frame_names)):
            rows = slice(*np.searchsorted(poses.frames, [frame.index, frame.index + 1]))
            writer.write(draw_poses(frame.image, pixels[rows], style, poses.identities[rows].tolist(),
                                    poses.boxes[rows]), frame.time)
    return path


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        """Return the rate."""
        speed = task.finished_speed or task.speed
        return Text('' if speed is None else f'{speed:.1f} frames/s')


def _bars(shown: bool) -> Progress:
    return Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
                    console=Console(stderr=True), disable=not shown)


def _shown(items: Iterable[T], bars: Progress, what: str, total: int, done: int = 0) -> Iterator[T]:
    task = bars.add_task(what, total=total, completed=done)
    for item in items:
        yield item
        bars.advance(task)
