"""Read and write SLEAP projects, which hold 2D keypoints, with the official library sleap-io."""
import re
from pathlib import Path

import numpy as np

from mmxas.compat.optional_packages import import_packages
from mmxas.io import named_when_broken, require_file

from .keypoint_table import KeypointTable

FRAME = re.compile(r'(.+):(\d+)')  # frame 7 of clip.mp4 is called clip.mp4:7


def read_sleap(path: str | Path) -> KeypointTable:
    """Read labels and predictions of a project.

    Args:
        path: ``.slp``.

    Returns:
        2D keypoints. Frame 7 of ``clip.mp4`` is called ``clip.mp4:7``, also if the project embeds its
        images. Tracks become individuals. Predictions that a label corrects are left out.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: sleap-io is not installed.
        ValueError: The file is not a project, or its skeletons have different keypoints.
    """
    found, sizes, sio = [], {}, import_packages(path, 'sleap_io')
    with named_when_broken(require_file(path), 'not a SLEAP project'):
        labels = sio.load_slp(str(path), open_videos=False)
        names, *others = {tuple(skeleton.node_names) for skeleton in labels.skeletons} or {()}
        if others or not names:
            raise ValueError(f'{path}: one skeleton expected, {len(labels.skeletons)} with different keypoints found')
        for frame in labels.labeled_frames:
            source, shape, number = frame.video.original_video, frame.video.shape, frame.frame_idx
            name = (frame.video if source is None else source).filename  # of embedded images
            image = str(name[number]) if isinstance(name, list) else f'{name}:{number}'
            sizes[image] = shape and (shape[2], shape[1])
            used = {id(one.from_predicted) for one in frame.user_instances}
            found += [(image, one) for one in frame.user_instances + frame.unused_predictions if id(one) not in used]
        shape = (len(found), 1, len(names))
        scores = [one.points['score'] if hasattr(one, 'score') else [np.nan] * len(names) for _, one in found]
        return KeypointTable(
            names, tuple(image for image, _ in found), np.reshape([one.numpy() for _, one in found], (*shape, 2)),
            None if np.isnan(scores).all() else np.reshape(scores, shape),
            tuple(one.track.name if one.track else '' for _, one in found),
            links=tuple((int(a), int(b)) for a, b in labels.skeletons[0].edge_inds), sizes=sizes)


def write_sleap(table: KeypointTable, path: str | Path) -> None:
    """Write a project; poses with scores become predictions, others become labels.

    Args:
        table: 2D, one hypothesis (:meth:`KeypointTable.flat`). ``clip.mp4:7`` is frame 7 of the video.
        path: ``.slp``.

    Raises:
        ImportError: sleap-io is not installed.
        ValueError: The table has depths or several hypotheses.
    """
    if table.keypoints.shape[1::2] != (1, 2):
        raise ValueError('SLEAP holds one pose of x and y; write the top-1 pose (--flat), .json or .csv')
    sio = import_packages(path, 'sleap_io')
    skeleton = sio.Skeleton(nodes=list(table.names), edges=[(table.names[a], table.names[b]) for a, b in table.links])
    tracks = {name: sio.Track(name) for name in table.individuals if name}
    stills = {file: number for number, file in enumerate(file for file in table.sizes if not FRAME.fullmatch(file))}
    places = {file: ('', stills[file]) if file in stills else FRAME.fullmatch(file).groups() for file in table.sizes}
    videos = {name: sio.Video(name, open_backend=False) if name else sio.Video.from_filename(list(stills))
              for name, _ in places.values()}
    frames = {file: sio.LabeledFrame(videos[name], int(number)) for file, (name, number) in places.items()}
    for pose, image in enumerate(table.images):
        about = dict(points_data=table.keypoints[pose, 0], skeleton=skeleton, track=tracks.get(table.individuals[pose]))
        scores = np.array([]) if table.scores is None else table.scores[pose, 0]
        frames[image].instances.append(
            sio.Instance.from_numpy(**about) if np.isnan(scores).all() else
            sio.PredictedInstance.from_numpy(**about, point_scores=scores, score=float(np.nanmean(scores))))
    sio.save_slp(sio.Labels(list(frames.values()), skeletons=[skeleton], tracks=list(tracks.values())), str(path))
