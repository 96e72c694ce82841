"""Draw images, poses and hypotheses."""

from .canvas import figure_to_rgb, new_figure, write_picture
from .instance_view import InstanceView, view_instance
from .pose_3d_drawing import support_pose_3d_drawing
from .pose_figure import FigureOptions, pose_figure
from .pose_style import PoseStyle
from .pose_views import project
from .visualization_hook import XASVisualizationHook
from .xas_visualizer import XASVisualizer

support_pose_3d_drawing()

__all__ = [
    'FigureOptions', 'InstanceView', 'PoseStyle', 'XASVisualizationHook', 'XASVisualizer', 'figure_to_rgb',
    'new_figure', 'pose_figure', 'project', 'view_instance', 'write_picture',
]
