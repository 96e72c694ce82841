"""Search for the facing of a body in testing: condition the features on several directions, and keep the best.

N: crops, V: views, B: scored views (1, or 2 with and without background), C: channels, K: keypoints,
h, w: size of the maps.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmxas.models.batch_labels import sample_masks
from mmxas.ops import Decoding, Marginals
from mmxas.ops.decoding import decode_marginals
from mmxas.ops.facing import EXPECTED_WEIGHT, facing_candidates, facing_score
from mmxas.ops.kernels.memory import upload
from mmxas.ops.marginals import volume_marginals
from mmxas.ops.mask_share import mask_share
from mmxas.ops.symmetry import side_bone_pairs
from mmxas.structures import Skeleton

# Signs of a facing (x, z) in a crop and in the mirrored crop: left and right are exchanged, so z changes its sign.
SIGNS = torch.tensor([[1.0, 1.0], [1.0, -1.0]])


class FacingSearch:
    """Choose the facing of each crop among evenly spaced directions and the predicted one (not in the paper).

    A ``FacingFusionNeck`` conditions the heatmaps on the predicted facing. If this prediction is undecided, as often on
    photos, left and right limbs can land in the same place. The search conditions the maps on each candidate and keeps
    the one with the highest :func:`~mmxas.ops.facing.facing_score`; all views of a crop then share it. If the
    prediction is best, each view keeps its own. The views of the first zoom are scored; the predicted facing is the
    mean of all views.

    Args:
        neck: A ``FacingFusionNeck``.
        head: A ``MultiHypothesisHead``.
        skeleton: Skeleton of the keypoints.
        count: Number of directions besides the predicted one.
        decoding: Decoding of the poses that are compared.
        expected_weight: Weight of the predicted facing, as in ``facing_score``. Defaults to 0.1.
    """

    def __init__(self, neck: nn.Module, head: nn.Module, skeleton: Skeleton, count: int, decoding: Decoding,
                 expected_weight: float = EXPECTED_WEIGHT) -> None:
        self.neck, self.head, self.decoding, self.expected_weight = neck, head, decoding, expected_weight
        self.candidates = facing_candidates(count)
        self.bone_pairs = torch.tensor(side_bone_pairs(skeleton.parents, skeleton.flip_pairs))
        self.flip_indices = torch.tensor(skeleton.flip_indices)

    def __call__(self, sides: Sequence[Sequence[Tensor]], data_samples: Sequence[PoseDataSample], zooms: int = 1
                 ) -> list[tuple[Tensor, Tensor]]:
        """Return the neck's output for all views, conditioned on the best facing of each crop.

        Args:
            sides: The backbone's maps of V·N views; a second entry has those of the mirrored views.
            data_samples: N samples, with masks if half of the views have no background.
            zooms: Number of zooms; V is ``zooms`` or, with and without background, twice as many. Defaults to 1.

        Returns:
            Per side, the map (V·N, C, h, w) and the facing (V·N, 2).
        """
        n = len(data_samples)
        fused, predicted = zip(*map(self.neck.fuse, sides), strict=True)
        device, dtype = predicted[0].device, predicted[0].dtype
        candidates, bone_pairs, flip_indices, signs = (
            upload(x, device) for x in (self.candidates.to(dtype), self.bone_pairs, self.flip_indices,
                                        SIGNS[:len(sides)].to(dtype)))
        own = [facing.view(-1, n, 2) for facing in predicted]
        expected = torch.cat([facing * sign for facing, sign in zip(own, signs, strict=True)]).mean(dim=0)
        scored = slice(None, None, zooms)
        maps = [side.unflatten(0, (-1, n))[scored].flatten(0, 1) for side in fused]

        def score(direction: Tensor, facings: Sequence[Tensor]) -> Tensor:
            marginals = self._marginals(maps, facings, flip_indices, data_samples)
            poses = decode_marginals(marginals, self.decoding, self.head.align_corners).keypoints[:, 0]
            return facing_score(marginals.plane, poses, direction, expected, bone_pairs,
                                expected_weight=self.expected_weight)

        chosen, best = own, score(F.normalize(expected, dim=-1), [facing[scored] for facing in own])
        for candidate in candidates:
            shared = [(candidate * sign).expand_as(facing) for sign, facing in zip(signs, own, strict=True)]
            found = score(candidate.expand(n, 2), [facing[scored] for facing in shared])
            better = (found > best)[:, None]
            best = torch.maximum(best, found)
            chosen = [torch.where(better, new, old) for new, old in zip(shared, chosen, strict=True)]
        return [(self.neck.condition(side, facing.flatten(0, 1)), facing.flatten(0, 1))
                for side, facing in zip(fused, chosen, strict=True)]

    def _marginals(self, maps: Sequence[Tensor], facings: Sequence[Tensor], flip_indices: Tensor,
                   data_samples: Sequence[PoseDataSample]) -> Marginals:
        """Average the marginals of the scored views, as ``MultiHypothesisHead.test_volume`` averages their volumes.

        The score needs only marginals, and they are much smaller than volumes.

        Args:
            maps: Fused maps (B·N, C, h, w) per side.
            facings: Facings (B, N, 2) per side.
            flip_indices: (K,) index of each keypoint's mirror image.
            data_samples: N samples.
        """
        planes, profiles = [], []
        for mirrored, (views, facing) in enumerate(zip(maps, facings, strict=True)):
            logits = self.head([self.neck.condition(views, facing.flatten(0, 1))])
            found = volume_marginals(logits, self.head.num_keypoints, self.head.depth_bins, with_plane=True)
            plane, profile = (x.unflatten(0, facing.shape[:2]) for x in (found.plane, found.z))
            planes.append(plane[:, :, flip_indices].flip(-1) if mirrored else plane)
            profiles.append(profile[:, :, flip_indices] if mirrored else profile)
        plane, profile = (torch.stack(x).mean(dim=0) for x in (planes, profiles))
        if len(plane) == 2:
            share = mask_share(plane[0], sample_masks(data_samples, plane.shape[-2:], plane))
            weight = torch.stack([torch.ones_like(share), share]) / (1 + share)
            plane, profile = plane * weight[..., None, None], profile * weight[..., None]
        plane, profile = plane.sum(dim=0), profile.sum(dim=0)
        return Marginals(plane.sum(dim=-2), plane.sum(dim=-1), profile, plane)
