"""Convert keypoints to and from the formats of other pose software, through one table."""
from .formats import read_keypoints, write_keypoints
from .keypoint_table import KeypointTable

__all__ = ['KeypointTable', 'read_keypoints', 'write_keypoints']
