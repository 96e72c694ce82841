"""Build the shipped mocap poses from the clips inside the pybullet wheel.

    pip download --no-deps pybullet==3.2.7 -d wheels
    python projects/free_bodies/build_mocap_poses.py wheels/pybullet-3.2.7-*.whl

The wheel is only read as an archive, never installed or imported. The same wheel gives the same bytes.
"""
import argparse
import fnmatch
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from body_model_building.archive import save_npz
from body_model_building.mocap_clips import Motion, read_frames, retarget

CLIPS = '*/data/motions/humanoid3d_*.txt'
LICENSE = 'zlib licence, Bullet Continuous Collision Detection and Physics Library, https://bulletphysics.org'
NOTICE = ('Altered from pybullet_data/data/motions/humanoid3d_*.txt of the pybullet wheel: retargeted to the SMPL tree '
          'by tools/build_mocap_poses.py. See NOTICE beside this file.')
DEFAULT_OUT = Path(__file__).resolve().parents[2] / 'mmxas/synthesis/data/mocap_poses.npz'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='the pybullet wheel, or a folder that it was unpacked into')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='the file to write (default: %(default)s)')
    return parser.parse_args()


def read_clips(source: Path) -> dict[str, Motion]:
    """Return retargeted clips by name ('walk'), in alphabetical order."""
    if source.is_dir():
        paths = sorted(source.rglob('humanoid3d_*.txt'))
        return {clip_name(path): retarget(read_frames(path)) for path in paths}
    with zipfile.ZipFile(source) as wheel, tempfile.TemporaryDirectory() as folder:
        wheel.extractall(folder, [name for name in wheel.namelist() if fnmatch.fnmatch(name, CLIPS)])
        return read_clips(Path(folder))


def clip_name(path: Path) -> str:
    """Return a clip's name: ``walk`` for ``humanoid3d_walk.txt``."""
    return path.stem.removeprefix('humanoid3d_')


def pack(clips: dict[str, Motion]) -> dict[str, np.ndarray]:
    """Return all clips, one after the other, in the arrays of the shipped file."""
    lengths = [len(motion.pose) for motion in clips.values()]
    return {
        'pose': np.concatenate([motion.pose for motion in clips.values()]).astype(np.float32),
        'transl': np.concatenate([motion.transl for motion in clips.values()]).astype(np.float32),
        'clip': np.repeat(np.arange(len(clips)), lengths).astype(np.int16),
        'frame': np.concatenate([np.arange(length) for length in lengths]).astype(np.int32),
        'clip_names': np.array(list(clips)),
        'dt': np.array([motion.dt for motion in clips.values()], np.float32),
        'license': np.array(LICENSE),
        'notice': np.array(NOTICE),
    }


def main() -> None:
    """Retarget the clips and write the file.

    Raises:
        SystemExit: There is no clip in the source.
    """
    args = parse_args()
    clips = read_clips(args.source)
    if not clips:
        raise SystemExit(f'{args.source}: no file like {CLIPS} inside; give the pybullet wheel or its unpacked folder')
    size = save_npz(args.out, pack(clips))
    print(f'{args.out}: {len(clips)} clips, {sum(len(m.pose) for m in clips.values())} frames, {size / 1024:.0f} KiB')


if __name__ == '__main__':
    main()
