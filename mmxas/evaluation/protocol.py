"""Evaluation protocols: one switch for each use of the ground truth.

There are two named protocols. ``standard`` compares root-centred poses and counts valid hypotheses only. ``released``
reproduces the evaluation of the released code, for comparable numbers. Each switch can also be set individually:
``protocol=dict(name='released', left_right_switch=False)``.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mmxas.ops.checks import check_choice

CROPS = ('any', 'root')
NEAREST_IN = ('camera', 'norm')
SCALE_ABOUT = ('root', 'world')
AVERAGES = ('samples', 'action')


@dataclass(frozen=True)
class Protocol:
    """How an evaluation uses the ground truth and compares poses.

    Args:
        name: The named protocol to start from. Defaults to ``'standard'``.
        left_right_switch: Replace each keypoint of a flip pair by its counterpart where that is nearer to the label in
            the image, independently per keypoint. Defaults to False.
        best_of_h_per_pose: Report best-of-H per pose (oracle): the best hypothesis per sample, chosen by the labels.
            Defaults to True.
        best_of_h_per_joint: Report best-of-H per joint (oracle): the best hypothesis per keypoint, chosen by the
            labels. Defaults to True.
        crop: ``'root'`` requires crops around the true root; ``'any'`` accepts the crops of the data set and reports
            which they are. Defaults to ``'any'``.
        true_root_depth: Scale depths and place poses by the true depth of the root; otherwise the crop is assumed to be
            ``assumed_rect_3d_width`` wide. Defaults to True.
        true_intrinsics: Lift along the rays of the true camera; otherwise along parallel rays. Defaults to True.
        assumed_rect_3d_width: Side of a crop without ``true_root_depth``, mm. Defaults to 2000.
        root_centred: Centre both poses on the root before MPJPE, PCK and AUC. If False, the root's error in x and y
            counts as well; its depth is given. Defaults to True.
        scale_about: N-MPJPE scales about the ``'root'``, or about the origin of the ``'world'`` without centring
            (the camera's origin for samples without extrinsics). Defaults to ``'root'``.
        nearest_in: The best hypothesis of a keypoint is the nearest in ``'camera'`` mm, root-centred, or in
            crop-normalised coordinates (``'norm'``), where z has half the scale of x and y. Defaults to ``'camera'``.
        valid_only: Exclude invalid hypotheses from best-of-H. Defaults to True.
        average: Mean over ``'samples'``, or over the means of each ``'action'``. Defaults to ``'samples'``.

    Raises:
        ValueError: A choice is unknown, or switches contradict each other.
    """

    name: str = 'standard'
    left_right_switch: bool = False
    best_of_h_per_pose: bool = True
    best_of_h_per_joint: bool = True
    crop: str = 'any'
    true_root_depth: bool = True
    true_intrinsics: bool = True
    assumed_rect_3d_width: float = 2000.0
    root_centred: bool = True
    scale_about: str = 'root'
    nearest_in: str = 'camera'
    valid_only: bool = True
    average: str = 'samples'

    def __post_init__(self) -> None:
        check_choice(self.crop, CROPS, 'crop')
        check_choice(self.scale_about, SCALE_ABOUT, 'scale_about')
        check_choice(self.nearest_in, NEAREST_IN, 'nearest_in')
        check_choice(self.average, AVERAGES, 'average')
        if not self.true_intrinsics and not (self.root_centred and self.scale_about == 'root'):
            raise ValueError("true_intrinsics=False cannot place poses: root_centred=True and scale_about='root' "
                             f'expected, got {self.root_centred} and {self.scale_about!r}')

    def ground_truth(self, crop_from_root: bool = False) -> list[str]:
        """Return a description of each use of the ground truth.

        Args:
            crop_from_root: Whether any crop was cut around the true root. Defaults to False.
        """
        sources = (('camera', self.true_intrinsics), ('root depth', self.true_root_depth))
        given = [source for source, used in sources if used]
        uses = [f'{" and ".join(given)} given'] if given else []
        return uses + [words for words, used in (
            ('crop from the true root', crop_from_root),
            ('left/right keypoints switched to the nearer label', self.left_right_switch),
            ('best_of_h_per_pose: hypothesis chosen by the labels, each metric its own', self.best_of_h_per_pose),
            ('best_of_h_per_joint: hypothesis of each keypoint chosen by the labels', self.best_of_h_per_joint))
            if used]

    def to_dict(self) -> dict[str, Any]:
        """Return the switches by name."""
        return asdict(self)


PROTOCOLS = {
    'standard': Protocol(),
    'released': Protocol(
        name='released', left_right_switch=True, best_of_h_per_pose=False, crop='root', root_centred=False,
        scale_about='world', nearest_in='norm', valid_only=False, average='action'),
}


def load_protocol(protocol: str | Mapping[str, Any] | Protocol) -> Protocol:
    """Return a protocol from its name, or from a dict of the name and the switches that differ.

    Args:
        protocol: ``'standard'``, ``'released'``, a dict such as ``dict(name='released', average='samples')``, or a
            protocol, which is returned unchanged.

    Returns:
        The protocol.

    Raises:
        ValueError: A name or switch is unknown; the message lists the known ones.
    """
    if isinstance(protocol, Protocol):
        return protocol
    switches = {'name': protocol} if isinstance(protocol, str) else dict(protocol)
    name = switches.pop('name', 'standard')
    check_choice(name, list(PROTOCOLS), 'protocol')
    known = [field.name for field in fields(Protocol) if field.name != 'name']
    unknown = sorted(set(switches) - set(known))
    if unknown:
        raise ValueError(f'protocol: unknown switches {unknown}; the switches are {known}')
    return replace(PROTOCOLS[name], **switches)
