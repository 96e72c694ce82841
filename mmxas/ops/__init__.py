"""Pure functions on tensors and arrays: the mathematics of the method, independent of configs and registries."""
from .alignment import align_procrustes, align_scale, root_centred
from .decoding import Decoding, Hypotheses, decode_hypotheses, decode_marginals, depth_peaks
from .facing import facing_direction, facing_loss
from .geometry import (
    apply_affine,
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
    rect_3d_width,
    world_to_camera,
)
from .hypothesis_path import choose_path, limb_groups, smooth_poses, take_path
from .keypoint_loss import keypoint_errors, keypoint_loss
from .lsgan import discriminator_loss, generator_loss
from .marginals import (
    Marginals,
    bin_positions,
    heatmap_marginals,
    marginal_cross_entropy,
    spatial_softmax,
    volume_marginals,
)
from .mask_loss import distance_weights, mask_error_map, mask_loss
from .pose_metrics import (
    ambiguity_ratio,
    auc,
    error_2d,
    keypoint_distances,
    left_right_switch,
    mpjpe,
    n_mpjpe,
    p_mpjpe,
    pck,
    pck_of_size,
    pckh,
)
from .skeleton_drawing import draw_skeleton
from .symmetry import bone_symmetry, centre_triples, keypoint_symmetry, limb_bone_pairs, side_bone_pairs
from .triangulation import triangulate
from .winner_takes_all import winner_index, winner_takes_all

__all__ = [
    'Decoding', 'Hypotheses', 'Marginals', 'align_procrustes', 'align_scale', 'ambiguity_ratio', 'apply_affine', 'auc',
    'bin_positions', 'bone_symmetry', 'box_side_px', 'camera_to_image', 'camera_to_norm', 'camera_to_world',
    'centre_triples', 'choose_path', 'decode_hypotheses', 'decode_marginals', 'depth_peaks', 'depth_to_norm',
    'discriminator_loss', 'distance_weights', 'draw_skeleton', 'error_2d', 'facing_direction', 'facing_loss',
    'generator_loss', 'heatmap_marginals', 'image_to_camera', 'image_to_norm', 'invert_affine', 'keypoint_distances',
    'keypoint_errors', 'keypoint_loss', 'keypoint_symmetry', 'left_right_switch', 'limb_bone_pairs', 'limb_groups',
    'marginal_cross_entropy', 'mask_error_map', 'mask_loss', 'mpjpe', 'n_mpjpe', 'norm_to_camera', 'norm_to_depth',
    'norm_to_image', 'norm_to_pixel', 'p_mpjpe', 'pck', 'pck_of_size', 'pckh', 'pixel_to_norm', 'rect_3d_width',
    'root_centred', 'side_bone_pairs', 'smooth_poses', 'spatial_softmax', 'take_path', 'triangulate',
    'volume_marginals', 'winner_index', 'winner_takes_all', 'world_to_camera',
]
