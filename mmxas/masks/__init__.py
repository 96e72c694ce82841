"""Foreground masks for images that have none: segmenters, and folders of generated masks."""
from .background_subtraction import BackgroundSubtractor
from .grabcut import GrabCutSegmenter
from .saliency import SaliencySegmenter
from .segmenter import Segmenter
from .torchvision_segmenter import TorchvisionSegmenter

__all__ = ['BackgroundSubtractor', 'GrabCutSegmenter', 'SaliencySegmenter', 'Segmenter', 'TorchvisionSegmenter']
