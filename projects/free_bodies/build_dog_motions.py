"""Build the motions of the dog's built-in target domain: gaits and postures, independent of the pose prior.

    python projects/free_bodies/build_dog_motions.py

The same seed and version of numpy give the same bytes. Nothing is downloaded, nothing was recorded.
"""
import argparse
from pathlib import Path

import numpy as np
from body_model_building.archive import save_npz
from dog_building.gaits import GAITS, run_gait
from dog_building.postures import MOTIONS, mirrored, play

DEFAULT_OUT = Path(__file__).resolve().parents[1] / 'animal/data/dog_motions.npz'
GAIT_TAKES, GAIT_SECONDS, MOTION_TAKES = 8, 1.2, 3


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='the file to write (default: %(default)s)')
    parser.add_argument('--fps', type=float, default=20.0, help='frames per second (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def make_clips(fps: float, seed: int) -> dict[str, np.ndarray]:
    """Return poses (T, 35, 3) in rad by motion, with several takes one after the other."""
    clips = {}
    for number, name in enumerate([*GAITS, *MOTIONS]):
        rng = np.random.default_rng([seed, number])
        takes = [_gait_take(name, fps, rng) for _ in range(GAIT_TAKES)] if name in GAITS else [
            play(name, fps, rng, vigour=rng.uniform(0.9, 1.05)) for _ in range(MOTION_TAKES)]
        clips[name] = np.deg2rad(np.concatenate(takes))
    return clips


def _gait_take(name: str, fps: float, rng: np.random.Generator) -> np.ndarray:
    gait = GAITS[name]
    changed = gait._replace(neck=gait.neck + rng.normal(0, 8), tail=gait.tail + rng.normal(0, 8),
                            crouch=gait.crouch * rng.uniform(0.6, 1.6))
    pose = run_gait(changed, GAIT_SECONDS, fps, rng.uniform(0.8, 1.1), rng.normal(0, 14), rng.random())
    pose = pose + rng.normal(0, 2.5, (1, *pose.shape[1:])) * [0.4, 1, 0.4]
    return mirrored(pose) if rng.random() < 0.5 else pose


def pack(clips: dict[str, np.ndarray], fps: float) -> dict[str, np.ndarray]:
    """Return all clips, one after the other, in the arrays that MocapPoses reads."""
    lengths = [len(pose) for pose in clips.values()]
    return {
        'pose': np.concatenate(list(clips.values())).astype(np.float16),
        'clip': np.repeat(np.arange(len(clips)), lengths).astype(np.int16),
        'frame': np.concatenate([np.arange(length) for length in lengths]).astype(np.int32),
        'clip_names': np.array(list(clips)),
        'fps': np.array(fps, np.float32),
        'notice': np.array('Made by projects/animal/tools/build_dog_motions.py; see NOTICE beside this file.'),
    }


def main() -> None:
    """Write the file."""
    args = parse_args()
    clips = make_clips(args.fps, args.seed)
    size = save_npz(args.out, pack(clips, args.fps))
    print(f'{args.out}: {len(clips)} clips, {sum(map(len, clips.values()))} frames, {size / 1024:.0f} KiB')


if __name__ == '__main__':
    main()
