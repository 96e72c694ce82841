"""Sources of samples: rendered pairs, Human3.6M, folders of images, and pairs of both domains."""
from .h36m_pose import H36MPoseDataset
from .image_folder import ImageFolderDataset
from .paired_dataset import PairedDataset, collate_pairs
from .rendered_pairs import MocapHuman, RenderedPairDataset, SyntheticPairDataset
from .xas_dataset import XASDataset

__all__ = [
    'H36MPoseDataset', 'ImageFolderDataset', 'MocapHuman', 'PairedDataset', 'RenderedPairDataset',
    'SyntheticPairDataset', 'XASDataset', 'collate_pairs',
]
