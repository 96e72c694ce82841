"""Data sets: rendered pairs, recorded frames, folders of images, and pairs of both domains."""
from .h36m_matlab import H36MMatlabDataset
from .h36m_pose import H36MPoseDataset
from .image_folder import ImageFolderDataset
from .mixed_dataset import MixedDataset
from .mpi_inf_3dhp import MPIINF3DHPDataset
from .mpii import MPIIPoseDataset
from .paired_dataset import PairedDataset, collate_pairs
from .recorded_frames import RecordedFrames
from .rendered_pairs import MocapHuman, RenderedMotions, RenderedPairDataset, SyntheticPairDataset
from .tiktok import TikTokDataset
from .xas_dataset import XASDataset

__all__ = [
    'H36MMatlabDataset', 'H36MPoseDataset', 'ImageFolderDataset', 'MPIINF3DHPDataset', 'MPIIPoseDataset',
    'MixedDataset', 'MocapHuman', 'PairedDataset', 'RecordedFrames', 'RenderedMotions',
    'RenderedPairDataset', 'SyntheticPairDataset', 'TikTokDataset', 'XASDataset', 'collate_pairs',
]
