"""Segment Anything, prompted by the box alone."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmxas.io import read_checkpoint_file
from mmxas.registry import SEGMENTERS

from .segmenter import Segmenter, clip_box, main_components

SITE = 'https://dl.fbaipublicfiles.com/segment_anything/'
# The names that Segment Anything gives its weights.
WEIGHTS = {'vit_h': 'sam_vit_h_4b8939.pth', 'vit_l': 'sam_vit_l_0b3195.pth', 'vit_b': 'sam_vit_b_01ec64.pth'}
WEIGHTS_VARIABLE = 'MMXAS_SAM_WEIGHTS'
PACKAGE = 'pip install git+https://github.com/facebookresearch/segment-anything.git'


@SEGMENTERS.register_module()
class SAMSegmenter(Segmenter):
    """Segment Anything. Its package and weights are optional; nothing is downloaded.

    Args:
        checkpoint: File of the weights. Defaults to None: the model's file in the folder that the environment variable
            ``MMXAS_SAM_WEIGHTS`` names, in ``data/weights``, or in torch's cache, whichever comes first.
        model: ``'vit_h'``, ``'vit_l'`` or ``'vit_b'``. Defaults to ``'vit_h'``.
        device: Where it runs. Defaults to None: the first GPU, or else the CPU.
        single: Keep the largest connected part only. Defaults to False.

    Raises:
        ValueError: The model is unknown, or the file holds other weights, or is no checkpoint or an unsafe one.
        FileNotFoundError: There are no weights; the message says where they were looked for and where to get them.
        ImportError: The package is not installed.
    """

    needs_box = True

    def __init__(self, checkpoint: str | None = None, model: str = 'vit_h', device: str | None = None,
                 single: bool = False) -> None:
        path = find_weights(checkpoint, model)
        try:
            from segment_anything import SamPredictor, sam_model_registry
        except ImportError as error:
            raise ImportError(f'SAMSegmenter needs the package segment_anything: {PACKAGE}; without it choose another '
                              'segmenter, such as GrabCutSegmenter') from error
        content = read_checkpoint_file(path, 'cpu')
        network = sam_model_registry[model]()
        try:
            network.load_state_dict(content)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f'{path}: not the weights of Segment Anything {model!r} '
                             f'({str(error).splitlines()[0]}); expected {SITE}{WEIGHTS[model]}') from error
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.predictor: Any = SamPredictor(network.to(device).eval())
        self.single = single

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Find the body in the box; see :class:`Segmenter`.

        Raises:
            ValueError: There is no box, or it does not lie in the image.
        """
        if box is None:
            raise ValueError('SAMSegmenter is prompted by a box, and there is none for this image')
        corners = clip_box(box, image.shape) - [0, 0, 1, 1]  # Segment Anything counts pixel centres
        self.predictor.set_image(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        masks, _, _ = self.predictor.predict(box=corners, multimask_output=False)
        mask = np.asarray(masks[0]) > 0
        return main_components(mask) if self.single else mask


def find_weights(checkpoint: str | None, model: str) -> Path:
    """Find the file of the weights.

    Args:
        checkpoint: The file, or None to look for it.
        model: A key of :data:`WEIGHTS`.

    Raises:
        ValueError: The model is unknown.
        FileNotFoundError: There is none; the message says where it was looked for and where to get it.
    """
    if model not in WEIGHTS:
        raise ValueError(f'model={model!r}, expected one of {sorted(WEIGHTS)}')
    if checkpoint is not None:
        places = [Path(checkpoint)]
    else:
        folders = [os.environ.get(WEIGHTS_VARIABLE), 'data/weights', Path(torch.hub.get_dir()) / 'checkpoints']
        places = [Path(folder) / WEIGHTS[model] for folder in folders if folder]
    for place in places:
        if place.is_file():
            return place
    looked = ', '.join(str(place) for place in places)
    raise FileNotFoundError(f'SAMSegmenter: no weights; looked for {looked}. Get {SITE}{WEIGHTS[model]}, or choose '
                            'another segmenter: GrabCutSegmenter needs no weights')
