"""Mocap clips in the DeepMimic format, retargeted to the 24-joint SMPL tree.

A frame of a clip is 44 numbers: duration (s), root position (m), root quaternion (w x y z), then rotations relative to
the parent: chest, neck, and right and left in turn hip, knee (one angle), ankle, shoulder, elbow (one angle).

Frames:
    clip: x front, y up, z right; the rest pose has its arms down.
    body model: x left, y up, z front; the rest pose is the T pose.
"""
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

FRAME_LENGTH = 44
NUM_JOINTS = 24
CLIP_TO_BODY = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], float)

# Joint of the clip -> first column of its rotation in a frame: hinges are one angle about the clip's z, others w x y z.
_BALL_COLUMNS = {
    'root': 4, 'chest': 8, 'neck': 12, 'right_hip': 16, 'right_ankle': 21, 'right_shoulder': 25, 'left_hip': 30,
    'left_ankle': 35, 'left_shoulder': 39,
}
_HINGE_COLUMNS = {'right_knee': 20, 'right_elbow': 29, 'left_knee': 34, 'left_elbow': 43}

# Joint of the clip -> joints of the body model that share its rotation equally.
_SHARED = {'chest': (3, 6, 9), 'neck': (12, 15)}
_DIRECT = {
    'root': 0, 'left_hip': 1, 'right_hip': 2, 'left_knee': 4, 'right_knee': 5, 'left_ankle': 7, 'right_ankle': 8,
}
_ARMS = {'left': (16, 18, -90.0), 'right': (17, 19, 90.0)}


class Motion(NamedTuple):
    """A retargeted clip of T frames.

    Attributes:
        pose: (T, 24, 3) axis-angle in rad, joint 0 is the global orientation in the body model's axes.
        transl: (T, 3) position of the clip's root in m, body model's axes.
        dt: Seconds from one frame to the next.
    """
    pose: np.ndarray
    transl: np.ndarray
    dt: float


def read_frames(path: str | Path) -> np.ndarray:
    """Read the frames (T, 44) of one clip.

    Raises:
        ValueError: The file does not have frames of 44 numbers.
    """
    frames = np.array(json.loads(Path(path).read_text())['Frames'], float)
    if frames.ndim != 2 or frames.shape[1] != FRAME_LENGTH:
        raise ValueError(f'{path}: frames of {FRAME_LENGTH} numbers expected, an array of shape {frames.shape} found')
    return frames


def local_rotations(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Return rotation matrices (T, 3, 3) of each joint of the clip, in the body model's axes."""
    rotations = {name: Rotation.from_quat(frames[:, [c + 1, c + 2, c + 3, c]]) for name, c in _BALL_COLUMNS.items()}
    for name, column in _HINGE_COLUMNS.items():
        rotations[name] = Rotation.from_rotvec(frames[:, [column]] * np.array([[0.0, 0.0, 1.0]]))
    return {name: CLIP_TO_BODY @ rotation.as_matrix() @ CLIP_TO_BODY.T for name, rotation in rotations.items()}


def retarget(frames: np.ndarray) -> Motion:
    """Retarget a clip to the 24-joint tree.

    Three spine joints share the clip's chest joint, neck and head share its neck. Arm rotations are relative to hanging
    arms, so a quarter turn about z converts them from the T pose. Feet, hands and collars stay at rest.

    Args:
        frames: (T, 44) frames of a clip.

    Returns:
        Motion: Pose, root position and frame time.
    """
    rotations = local_rotations(frames)
    pose = np.zeros((len(frames), NUM_JOINTS, 3))
    for name, joint in _DIRECT.items():
        pose[:, joint] = _axis_angle(rotations[name])
    for name, joints in _SHARED.items():
        pose[:, joints] = (_axis_angle(rotations[name]) / len(joints))[:, None]
    for side, (shoulder, elbow, degrees) in _ARMS.items():
        lowered = Rotation.from_euler('z', degrees, degrees=True).as_matrix()
        pose[:, shoulder] = _axis_angle(rotations[f'{side}_shoulder'] @ lowered)
        pose[:, elbow] = _axis_angle(lowered.T @ rotations[f'{side}_elbow'] @ lowered)
    return Motion(pose, frames[:, 1:4] @ CLIP_TO_BODY.T, float(frames[0, 0]))


def _axis_angle(matrices: np.ndarray) -> np.ndarray:
    return Rotation.from_matrix(matrices).as_rotvec()
