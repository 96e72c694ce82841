"""Pure tensor functions: the mathematics of the method, without configs and registries."""
from .decoding import Hypotheses, decode_hypotheses, decode_marginals, depth_peaks
from .geometry import (
    apply_affine,
    box_mm,
    box_side_px,
    camera_to_image,
    camera_to_norm,
    camera_to_world,
    depth_to_norm,
    image_to_camera,
    image_to_norm,
    invert_affine,
    norm_to_camera,
    norm_to_depth,
    norm_to_image,
    norm_to_pixel,
    pixel_to_norm,
    world_to_camera,
)
from .keypoint_loss import keypoint_errors, keypoint_loss
from .marginals import (
    Marginals,
    bin_positions,
    heatmap_marginals,
    marginal_cross_entropy,
    spatial_softmax,
    volume_marginals,
)
from .skeleton_drawing import draw_skeleton
from .winner_takes_all import winner_index, winner_takes_all

__all__ = [
    'Hypotheses', 'Marginals', 'apply_affine', 'bin_positions', 'box_mm', 'box_side_px', 'camera_to_image',
    'camera_to_norm', 'camera_to_world', 'decode_hypotheses', 'decode_marginals', 'depth_peaks', 'depth_to_norm',
    'draw_skeleton', 'heatmap_marginals', 'image_to_camera', 'image_to_norm', 'invert_affine', 'keypoint_errors',
    'keypoint_loss', 'marginal_cross_entropy', 'norm_to_camera', 'norm_to_depth', 'norm_to_image', 'norm_to_pixel',
    'pixel_to_norm', 'spatial_softmax', 'volume_marginals', 'winner_index', 'winner_takes_all', 'world_to_camera',
]
