"""Synthetic postures by name, and motions between them.

Angles are degrees about the axes of SMAL's joints: y pitch (legs swing back, a head sinks, a tail rises), z to the
left, x roll. A name without side means both sides; its x and z are for the left. Shapes: T frames, J = 35 joints.
"""
from collections.abc import Mapping, Sequence

import numpy as np

from .dog_rig import INDEX, JOINTS, SIDES, TAIL

Angles = float | tuple[float, float, float]  # about y alone, or about x, y and z
Posture = Mapping[str, Angles]

STAND: Posture = {}
SIT: Posture = {
    'root': -27, 'spine': -2, 'LegBack1': (14, -56, 0), 'LegBack2': 74, 'LegBack3': -66, 'FootBack': 12,
    'Leg1': 22, 'Leg2': 6, 'Leg3': 2, 'Foot': 4, 'Neck': 2, 'Head': 24, 'Tail1': -22, 'Tail2': 18, 'Tail3': 14,
}
BEG: Posture = {**SIT, 'root': -58, 'Leg1': 12, 'Leg2': -85, 'Leg3': 70, 'Head': 44}
LIE: Posture = {
    'root': -6, 'LegBack1': (16, -66, 0), 'LegBack2': 108, 'LegBack3': -86, 'FootBack': 20, 'Leg1': (4, 18, 0),
    'Leg2': -84, 'Leg3': -4, 'Foot': 6, 'Neck': 4, 'Head': 6, 'Tail1': -14, 'Tail2': -8,
}
LIE_FLAT: Posture = {**LIE, 'Neck': 58, 'Head': -20, 'Leg1': (6, 8, 0), 'Leg2': -78}
BOW: Posture = {
    'root': 36, 'spine': -8, 'spine0': -8, 'spine1': -6, 'Leg1': -46, 'Leg2': -68, 'Leg3': 6, 'LegBack1': -34,
    'LegBack2': 6, 'LegBack3': -10, 'Neck': -26, 'Head': -2, 'Tail1': 38, 'Tail2': 24, 'Tail3': 16, 'Mouth': 12,
}
STRETCH_FRONT: Posture = {
    **BOW, 'root': 30, 'Leg1': -58, 'Leg2': -24, 'LegBack1': -28, 'Neck': -26, 'Tail1': 8, 'Tail2': 4, 'Mouth': 0,
}
STRETCH_BACK: Posture = {
    'root': -8, 'spine': 6, 'LegBack1': 44, 'LegBack2': 2, 'LegBack3': 14, 'FootBack': -6, 'Leg1': 24, 'Leg2': 4,
    'Neck': -22, 'Head': -8, 'Tail1': -10,
}
SNIFF: Posture = {
    'root': 6, 'spine2': 5, 'spine3': 6, 'Leg1': -14, 'Leg2': -6, 'LLeg1': -28, 'Neck': 66, 'Head': 18, 'Tail1': 24,
    'Tail2': 10,
}
LOOK_LEFT: Posture = {'Neck': (0, -10, 44), 'Head': (0, -4, 26), 'Tail1': 18, 'spine2': (0, 0, 5)}
LOOK_RIGHT: Posture = {'Neck': (0, -10, -44), 'Head': (0, -4, -26), 'Tail1': 18, 'spine2': (0, 0, -5)}
LOOK_UP: Posture = {'Neck': -30, 'Head': -22, 'Tail1': 10}
TILT: Posture = {'Neck': (10, 8, 10), 'Head': (24, 8, 6), 'Tail1': 14}
POINT: Posture = {
    'RLeg1': -30, 'RLeg2': -75, 'RLeg3': 62, 'RFoot': 30, 'Neck': 34, 'Head': -24, 'Tail1': 34, 'Tail2': 8,
    'LegBack1': 12,
}
SHAKE_HANDS: Posture = {**SIT, 'RLeg1': -48, 'RLeg2': -34, 'RLeg3': 16, 'Head': 26}
SCRATCH: Posture = {
    **SIT, 'root': (-10, -34, 0), 'LLegBack1': (34, -84, 0), 'LLegBack2': 62, 'LLegBack3': -34, 'Neck': (16, 20, 34),
    'Head': (20, 14, 16),
}
ROLL_SPINE: Posture = {
    'root': -6, 'spine': 12, 'spine0': 12, 'spine1': 8, 'LegBack1': -34, 'LegBack2': 20, 'LegBack3': -16, 'Leg1': 22,
    'Leg2': -8, 'Neck': 44, 'Head': 24, 'Tail1': -26,
}

# Motion -> its postures; (posture, seconds held).
MOTIONS: dict[str, Sequence[tuple[Posture, float]]] = {
    'stand': [(STAND, 1.0), (LOOK_LEFT, 0.6), (TILT, 0.5), (LOOK_RIGHT, 0.6), (LOOK_UP, 0.5), (STAND, 0.4)],
    'sniff': [(STAND, 0.3), (SNIFF, 1.6), (LOOK_UP, 0.4), (SNIFF, 0.8)],
    'sit': [(STAND, 0.2), (SIT, 1.5), (SHAKE_HANDS, 0.8), (SIT, 0.6), (STAND, 0.2)],
    'point': [(STAND, 0.3), (POINT, 1.4), (STAND, 0.2), (LOOK_LEFT, 0.4)],
    'stretch': [(STAND, 0.2), (STRETCH_FRONT, 0.9), (ROLL_SPINE, 0.6), (STRETCH_BACK, 0.9), (STAND, 0.2)],
    'beg': [(SIT, 0.6), (BEG, 1.4), (SIT, 0.4)],
    'scratch': [(SIT, 0.4), (SCRATCH, 1.6), (SIT, 0.3)],
    'lie': [(LIE, 1.2), (LIE_FLAT, 1.0), (LIE, 0.6)],
    'play_bow': [(STAND, 0.05), (BOW, 1.6), (STRETCH_FRONT, 0.4), (BOW, 0.6)],
}
_TRANSITION = 0.5  # s from one posture to the next


def posture_angles(posture: Posture) -> np.ndarray:
    """Return a posture as (J, 3) degrees.

    Raises:
        KeyError: A joint is unknown.
    """
    out = np.zeros((len(JOINTS), 3))
    for name, angles in posture.items():
        x, y, z = angles if isinstance(angles, tuple) else (0.0, angles, 0.0)
        if name in INDEX:
            out[INDEX[name]] = x, y, z
    for name, angles in posture.items():
        if name not in INDEX:
            x, y, z = angles if isinstance(angles, tuple) else (0.0, angles, 0.0)
            for side, sign in zip(SIDES, (1, -1)):
                if side + name not in posture:
                    out[INDEX[side + name]] = sign * x, y, sign * z
    return out


def play(name: str, fps: float, rng: np.random.Generator, vigour: float = 1.0, spread: float = 5.0) -> np.ndarray:
    """Return one random performance of a motion.

    Args:
        name: One of ``MOTIONS``.
        fps: Frames per second.
        rng: Random generator for the depth and duration of each posture and for small deviations of each joint.
        vigour: Factor of all angles.
        spread: Standard deviation of the deviations, degrees.

    Returns:
        np.ndarray: (T, J, 3) degrees; about half of the performances are mirrored.
    """
    stops = []
    for posture, seconds in MOTIONS[name]:
        angles = posture_angles(posture) * vigour * rng.uniform(0.85, 1.1)
        deviation = spread * rng.standard_normal(angles.shape) * (np.abs(angles).sum(1, keepdims=True) > 0)
        stops.append((angles + deviation * [0.4, 1, 0.4], seconds * rng.uniform(0.7, 1.3)))
    pose = _interpolated(stops, fps)
    _add_idle(pose, fps, rng)
    return mirrored(pose) if rng.random() < 0.5 else pose


def mirrored(pose: np.ndarray) -> np.ndarray:
    """Mirror poses (T, J, 3): y stays, x and z change sign."""
    from .dog_rig import TWINS
    return pose[:, list(TWINS)] * np.array([-1.0, 1.0, -1.0])


def _interpolated(stops: Sequence[tuple[np.ndarray, float]], fps: float) -> np.ndarray:
    frames = []
    for number, (angles, seconds) in enumerate(stops):
        frames += [angles] * max(1, round(seconds * fps))
        if number + 1 < len(stops):
            steps = max(2, round(_TRANSITION * fps))
            share = (np.arange(1, steps) / steps)[:, None, None]
            share = share * share * (3 - 2 * share)
            frames += list(angles + share * (stops[number + 1][0] - angles))
    return np.array(frames)


def _add_idle(pose: np.ndarray, fps: float, rng: np.random.Generator) -> None:
    """Add breathing, glances and tail wagging."""
    time = 2 * np.pi * np.arange(len(pose)) / fps
    wag, rate, phase = rng.uniform(0, 14), rng.uniform(1.0, 3.0), rng.uniform(0, 2 * np.pi)
    for number, name in enumerate(TAIL):
        pose[:, INDEX[name], 2] += wag * np.sin(rate * time + phase - 0.5 * number) / (1 + 0.4 * number)
    for name, axis, size in (('Neck', 2, 10), ('Head', 2, 8), ('Neck', 1, 5), ('Head', 1, 5), ('Head', 0, 4)):
        pose[:, INDEX[name], axis] += size * rng.uniform(0.3, 1) * np.sin(
            rng.uniform(0.2, 0.7) * time + rng.uniform(0, 2 * np.pi))
    pose[:, INDEX['Mouth'], 1] += 4 * (1 + np.sin(2.2 * time + phase)) * (rng.random() < 0.5)
    for side, sign in zip(SIDES, (1, -1)):
        pose[:, INDEX[f'{side}Ear'], 0] -= sign * rng.uniform(0, 25)
