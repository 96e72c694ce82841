"""Segmenter based on torchvision's Mask R-CNN."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmxas.io import read_checkpoint_file
from mmxas.ops.boxes import box_overlaps, mask_box
from mmxas.registry import SEGMENTERS

from .segmenter import Segmenter, clip_box

MODEL = 'maskrcnn_resnet50_fpn_v2'


@SEGMENTERS.register_module()
class TorchvisionSegmenter(Segmenter):
    """Segment the instance that matches the box best, with torchvision's Mask R-CNN (``maskrcnn_resnet50_fpn_v2``).

    Args:
        weights: ``'DEFAULT'`` downloads torchvision's weights or takes them from torch's cache; otherwise a file.
            Defaults to ``'DEFAULT'``.
        category: COCO category of the instances. Defaults to ``'person'``.
        min_score: Instances with a lower score are ignored. Defaults to 0.3.
        device: Device of the network. Defaults to None: the first GPU, or else the CPU.

    Raises:
        ValueError: The category is unknown, or the file holds other weights.
        FileNotFoundError: There is no such file.
        RuntimeError: The weights could not be downloaded; the message lists the alternatives.
    """

    def __init__(self, weights: str = 'DEFAULT', category: str = 'person', min_score: float = 0.3,
                 device: str | None = None) -> None:
        from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights
        published = MaskRCNN_ResNet50_FPN_V2_Weights.DEFAULT
        if category not in published.meta['categories']:
            raise ValueError(f'category={category!r}, expected one of {sorted(published.meta["categories"])}')
        self.label, self.min_score = published.meta['categories'].index(category), min_score
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        self.network = load_network(weights, published).to(self.device).eval()

    @torch.no_grad()
    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the instance that matches the box, or without a box the one with the highest score. See
        :class:`Segmenter`.

        Raises:
            ValueError: The box does not lie in the image.
        """
        box = None if box is None else clip_box(box, image.shape)
        pixels = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))).to(self.device) / 255
        found = {key: value.cpu().numpy() for key, value in self.network([pixels])[0].items()}
        chosen = (found['labels'] == self.label) & (found['scores'] >= self.min_score)
        masks = found['masks'][chosen, 0] > 0.5
        index = choose_instance(masks, found['scores'][chosen], box)
        return np.zeros(image.shape[:2], dtype=bool) if index is None else masks[index]


def load_network(weights: str, published: Any) -> torch.nn.Module:
    """Build Mask R-CNN and load its weights.

    Args:
        weights: ``'DEFAULT'`` or a file.
        published: torchvision's weights entry.

    Raises:
        RuntimeError: The weights could not be downloaded.
        FileNotFoundError: There is no such file.
        ValueError: The file holds other weights, or is not a checkpoint, or an unsafe one.
    """
    from torchvision.models import detection
    build = getattr(detection, MODEL)
    if weights == 'DEFAULT':
        try:
            return build(weights=published)
        except OSError as error:
            cache = Path(torch.hub.get_dir()) / 'checkpoints' / Path(published.url).name
            raise RuntimeError(f'TorchvisionSegmenter: no weights in {cache}, and {published.url} could not be '
                               f'downloaded ({error}). Put the file there, name it as weights=FILE, or choose another '
                               'segmenter: GrabCutSegmenter needs no weights') from error
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights; get {published.url}, or give weights='DEFAULT'")
    content = read_checkpoint_file(path, 'cpu')
    network = build(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(content)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: not the weights of torchvision {MODEL} ({str(error).splitlines()[0]}); expected '
                         f'{published.url}') from error
    return network


def choose_instance(masks: np.ndarray, scores: np.ndarray, box: np.ndarray | None) -> int | None:
    """Return the index of the instance whose box overlaps the given box most, or without a box that of the best score.

    Args:
        masks: (N, h, w) bool.
        scores: (N,).
        box: (4,) image px on pixel edges, or None.

    Returns:
        None if there is no instance, or none that overlaps.
    """
    if not len(masks):
        return None
    if box is None:
        return int(np.argmax(scores))
    boxes = [mask_box(mask) for mask in masks]
    overlaps = [0.0 if found is None else box_overlaps(found[None], box[None])[0, 0] for found in boxes]
    return int(np.argmax(overlaps)) if max(overlaps) > 0 else None
