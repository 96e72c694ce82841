"""Synthetic gaits: phase-coupled sinusoids over a stride.

A leg's phase runs from 0 to 1: stance from 0 (foot in front) to 0.5 (foot behind), then swing. Angles are degrees about
the y axis of SMAL's joints, positive if a leg swings back. Shapes: T frames, J = 35 joints.
"""
from typing import NamedTuple

import numpy as np

from .dog_rig import INDEX, JOINTS, SIDES, TAIL

_SPINE_SHARES = {'pelvis0': 0.25, 'spine': 0.25, 'spine0': 0.25, 'spine1': 0.15, 'spine2': 0.1}


class Gait(NamedTuple):
    """A gait.

    Attributes:
        phases: Phases of left hind, left front, right hind and right front leg at time 0.
        stride: Duration of a stride, s.
        hind: Swing of the thigh, and flexion of knee, hock and toes during the swing.
        front: Swing of the upper arm, and flexion of elbow, wrist and toes during the swing.
        crouch: Constant flexion of knee and elbow.
        arch: Amplitude of the bending of the back, and the phase of its maximum.
        pitch: Rocking of the trunk.
        neck, nod: Lowering of the neck, and amplitude of its motion twice per stride.
        tail: Height of the tail.
        sway: Sideways bending of the trunk once per stride.
    """

    phases: tuple[float, float, float, float]
    stride: float
    hind: tuple[float, float, float, float]
    front: tuple[float, float, float, float]
    crouch: float = 4.0
    arch: tuple[float, float] = (0.0, 0.0)
    pitch: float = 1.0
    neck: float = 0.0
    nod: float = 4.0
    tail: float = 5.0
    sway: float = 6.0


GAITS = {
    'walk': Gait((0.0, 0.22, 0.5, 0.72), 1.1, (22, 30, 24, 20), (20, 38, 42, 25), neck=12, nod=6, tail=-5, sway=10),
    'amble': Gait((0.0, 0.12, 0.5, 0.62), 0.8, (24, 38, 30, 24), (24, 45, 50, 30), neck=6, nod=4, tail=10, sway=8),
    'trot': Gait((0.0, 0.5, 0.5, 0.0), 0.6, (29, 55, 44, 30), (27, 65, 60, 35), crouch=8, neck=2, nod=3, tail=12,
                 sway=4),
    'pace': Gait((0.0, 0.06, 0.5, 0.56), 0.65, (30, 50, 40, 28), (30, 58, 60, 35), crouch=6, neck=16, nod=5, tail=2,
                 sway=12),
    'canter': Gait((0.0, 0.45, 0.25, 0.75), 0.55, (38, 60, 50, 35), (38, 75, 65, 40), crouch=10, arch=(22, 0.1),
                   pitch=9, neck=-4, nod=8, tail=18, sway=4),
    'gallop': Gait((0.0, 0.58, 0.12, 0.46), 0.42, (58, 72, 62, 45), (56, 88, 85, 55), crouch=12, arch=(52, 0.06),
                   pitch=10, neck=26, nod=8, tail=22, sway=2),
    'bound': Gait((0.0, 0.5, 0.0, 0.5), 0.45, (56, 80, 68, 45), (54, 85, 80, 50), crouch=14, arch=(58, 0.04), pitch=16,
                  neck=18, nod=10, tail=28, sway=0),
}


def run_gait(gait: Gait, seconds: float, fps: float, vigour: float = 1.0, turn: float = 0.0,
             start: float = 0.0) -> np.ndarray:
    """Return poses of a gait.

    Args:
        gait: The gait.
        seconds: Duration.
        fps: Frames per second.
        vigour: Factor of all swings; larger values shorten the stride.
        turn: Bend of trunk, neck and tail to the left, degrees.
        start: Phase at the start.

    Returns:
        np.ndarray: (T, J, 3) degrees.
    """
    stride = gait.stride / np.sqrt(vigour)
    time = np.arange(round(seconds * fps)) / fps / stride + start
    pose = np.zeros((len(time), len(JOINTS), 3))
    for leg, (side, is_front) in enumerate((side, front) for side in SIDES for front in (False, True)):
        _set_leg(pose, side, is_front, gait, (time + gait.phases[leg]) % 1.0, vigour)
    _set_trunk(pose, gait, time, vigour, turn)
    return pose


def _set_leg(pose: np.ndarray, side: str, is_front: bool, gait: Gait, phase: np.ndarray, vigour: float) -> None:
    reach, *flexion = gait.front if is_front else gait.hind
    lift = np.clip(-np.sin(2 * np.pi * phase), 0, None) ** 1.3
    late = np.clip(-np.sin(2 * np.pi * (phase + 0.08)), 0, None) ** 1.3  # the foot folds before the leg does
    push = np.clip(np.cos(2 * np.pi * (phase - 0.48)), 0, None) ** 4  # off the ground
    names = ('Leg1', 'Leg2', 'Leg3', 'Foot') if is_front else ('LegBack1', 'LegBack2', 'LegBack3', 'FootBack')
    signs = (-1, 1, 1) if is_front else (1, -1, 1)  # of flexion
    swing = -reach * vigour * np.cos(2 * np.pi * phase)
    bend = [flexion[0] * vigour * lift + gait.crouch, flexion[1] * vigour * late + 0.5 * gait.crouch,
            flexion[2] * vigour * late - 8 * push]
    pose[:, INDEX[side + names[0]], 1] = swing + (0.4 if is_front else -0.4) * gait.crouch
    for name, sign, angle in zip(names[1:], signs, bend):
        pose[:, INDEX[side + name], 1] = sign * angle


def _set_trunk(pose: np.ndarray, gait: Gait, time: np.ndarray, vigour: float, turn: float) -> None:
    wave, sway = 2 * np.pi * time, gait.sway * vigour * np.sin(2 * np.pi * time)
    arch = gait.arch[0] * vigour * np.sin(wave + 2 * np.pi * gait.arch[1])
    for name, share in _SPINE_SHARES.items():
        pose[:, INDEX[name], 1] = share * arch
        pose[:, INDEX[name], 2] = share * (turn + sway)
    pose[:, INDEX['root'], 1] = gait.pitch * np.sin(wave + 0.5) - 0.45 * arch
    pose[:, INDEX['Neck'], 1] = gait.neck + gait.nod * np.sin(2 * wave) - 0.3 * arch
    pose[:, INDEX['Neck'], 2] = 0.8 * turn - 0.5 * sway
    pose[:, INDEX['Head'], 1] = -0.5 * gait.neck - 0.6 * gait.nod * np.sin(2 * wave)
    pose[:, INDEX['Head'], 2] = 0.4 * turn
    for number, name in enumerate(TAIL):
        pose[:, INDEX[name], 1] = gait.tail * (1 if number == 0 else 0.5) + 2 * np.sin(2 * wave - 0.5 * number)
        pose[:, INDEX[name], 2] = 4 * np.sin(wave - 0.6 * number) + 0.15 * turn
    for side, sign in (('L', 1), ('R', -1)):
        pose[:, INDEX[f'{side}Ear'], 0] = sign * (-8 * vigour - 4 * np.sin(2 * wave))
