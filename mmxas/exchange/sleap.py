"""SLEAP's projects, read and written by sleap-io, the format's own library. They hold 2D keypoints."""
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .keypoint_table import KeypointTable


def import_sleap_io() -> ModuleType:
    """sleap-io, imported on first use.

    Raises:
        ImportError: It is not installed; the message has the command.
    """
    try:
        import sleap_io
    except ImportError as error:
        raise ImportError(f'.slp files are read and written by sleap-io, which cannot be imported ({error}): pip '
                          'install sleap-io; SLEAP imports COCO\'s .json and DeepLabCut\'s .csv as well') from error
    return sleap_io


def read_sleap(path: str | os.PathLike) -> KeypointTable:
    """Read labels and predictions of a project.

    Args:
        path: ``.slp``.

    Returns:
        KeypointTable: 2D; frame 7 of ``clip.mp4`` is called ``clip.mp4:7``, tracks are the individuals.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: sleap-io is not installed.
        ValueError: It is no project, or its skeletons have other keypoints.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of keypoints')
    try:
        labels = import_sleap_io().load_slp(str(path), open_videos=False)
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f'{path}: not a SLEAP project ({type(error).__name__}: {error})') from error
    if not labels.skeletons:
        raise ValueError(f'{path}: no skeleton in this project')
    names = [tuple(skeleton.node_names) for skeleton in labels.skeletons]
    if len(set(names)) > 1:
        raise ValueError(f'{path}: {len(names)} skeletons with different keypoints; one expected')
    found = [(_image(frame), instance) for frame in labels.labeled_frames for instance in frame.instances]
    points = np.array([instance.numpy() for _, instance in found], float).reshape(len(found), 1, len(names[0]), 2)
    scores = np.array([_scores(instance, len(names[0])) for _, instance in found]).reshape(points.shape[:-1])
    return KeypointTable(
        names[0], tuple(image for image, _ in found), points, None if np.isnan(scores).all() else scores,
        individuals=tuple(instance.track.name if instance.track else '' for _, instance in found),
        links=tuple((int(a), int(b)) for a, b in labels.skeletons[0].edge_inds))


def write_sleap(table: KeypointTable, path: str | os.PathLike) -> None:
    """Write a project; with scores its instances are predictions, else labels.

    Args:
        table: 2D, one hypothesis (:meth:`KeypointTable.flat`).
        path: ``.slp``.

    Raises:
        ImportError: sleap-io is not installed.
        ValueError: The table has depths or several hypotheses.
    """
    if table.dims != 2 or table.num_hypotheses != 1:
        raise ValueError(f'{path}: SLEAP holds 2D keypoints, the table has {table.num_hypotheses} hypotheses of '
                         f'{table.dims} coordinates; write the confident pose\'s x and y (--flat), or .json or .csv')
    sio, path = import_sleap_io(), Path(path)
    images = list(dict.fromkeys(table.images))
    skeleton = sio.Skeleton(nodes=list(table.names), edges=[(table.names[a], table.names[b]) for a, b in table.links])
    videos = [sio.Video.from_filename(images)] if images else []
    tracks = {name: sio.Track(name) for name in dict.fromkeys(table.individuals) if name}
    instances: dict[str, list] = {image: [] for image in images}
    for pose, image in enumerate(table.images):
        instances[image].append(_instance(sio, table, pose, skeleton, tracks.get(table.individuals[pose])))
    frames = [sio.LabeledFrame(video=videos[0], frame_idx=number, instances=instances[image])
              for number, image in enumerate(images)]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix='.slp')
    os.close(handle)
    try:
        sio.save_slp(sio.Labels(frames, videos=videos, skeletons=[skeleton], tracks=list(tracks.values())), part)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _instance(sio: ModuleType, table: KeypointTable, pose: int, skeleton: Any, track: Any) -> Any:
    points = table.keypoints[pose, 0]
    if table.scores is None:
        return sio.Instance.from_numpy(points, skeleton=skeleton, track=track)
    scores = table.scores[pose, 0]
    mean = float(np.nanmean(scores)) if np.isfinite(scores).any() else 0.0
    return sio.PredictedInstance.from_numpy(points, skeleton=skeleton, point_scores=scores, score=mean, track=track)


def _image(frame: Any) -> str:
    filename = frame.video.filename
    return str(filename[frame.frame_idx]) if isinstance(filename, list) else f'{filename}:{frame.frame_idx}'


def _scores(instance: Any, count: int) -> np.ndarray:
    points = instance.points
    return np.asarray(points['score'], float) if 'score' in (points.dtype.names or ()) else np.full(count, np.nan)
