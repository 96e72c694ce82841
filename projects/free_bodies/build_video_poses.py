"""Build the shipped poses of motions estimated from videos, from the files of the ASAP repository.

    python projects/free_bodies/build_video_poses.py asap_smpl.npz

The source holds ``poses`` (T, 72), SMPL axis-angle with the root first, radians, z up; ``names`` and ``starts`` of its
clips. Every second frame is kept, and the root is rotated so that y points up, as in SMPL. The same source gives the
same bytes.
"""
import argparse
from pathlib import Path

import numpy as np
from body_model_building.archive import save_npz
from scipy.spatial.transform import Rotation

LICENSE = 'MIT licence, https://github.com/LeCAR-Lab/ASAP'
NOTICE = ('Altered from humanoidverse/data/motions/raw_tairantestbed_smpl of the repository: every second frame, y up. '
          'The poses were estimated from videos by its authors. See NOTICE beside this file.')
DEFAULT_OUT = Path(__file__).resolve().parents[2] / 'mmxas/synthesis/data/video_poses.npz'
STEP = 2
Y_UP = Rotation.from_euler('x', -90, degrees=True)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='the archive of the motions')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='the file to write (default: %(default)s)')
    return parser.parse_args()


def pack(poses: np.ndarray, names: np.ndarray, starts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of the shipped file: those that :class:`mmxas.synthesis.pose_sources.MocapPoses` reads."""
    lengths = np.diff([*starts, len(poses)])
    clip, frame = np.repeat(np.arange(len(names)), lengths), np.concatenate([np.arange(n) for n in lengths])
    kept = frame % STEP == 0
    pose = poses[kept].reshape(-1, 24, 3)
    pose[:, 0] = (Y_UP * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    return {
        'pose': pose.astype(np.float32), 'clip': clip[kept].astype(np.int16), 'frame': frame[kept].astype(np.int32),
        'clip_names': np.array([str(name).removesuffix('_filter') for name in names]),
        'license': np.array(LICENSE), 'notice': np.array(NOTICE),
    }


def main() -> None:
    """Write the file."""
    args = parse_args()
    with np.load(args.source) as source:
        arrays = pack(source['poses'], source['names'], source['starts'])
    save_npz(args.out, arrays)
    print(f'{args.out}: {len(arrays["pose"])} poses of {len(arrays["clip_names"])} clips')


if __name__ == '__main__':
    main()
