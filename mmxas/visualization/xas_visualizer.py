"""Visualizer of multi-hypothesis 3D poses, for mmpose's hooks and inferencers and for direct use."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from mmengine.dist import master_only
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from mmxas.registry import VISUALIZERS
from mmxas.structures.skeleton import SHIPPED_DIR, Skeleton, load_skeleton

from .canvas import figure_to_rgb, write_picture
from .instance_view import InstanceView, view_instance
from .pose_figure import FigureOptions, pose_figure
from .pose_style import PoseStyle


@VISUALIZERS.register_module()
class XASVisualizer(PoseLocalVisualizer):
    """Draw all hypotheses of an image.

    One block per instance: the image with box and crop; the top-1 pose over the crop; the skeleton mask that the mask
    loss uses; each hypothesis in 3D from several directions, with the top-1 pose in grey behind the others and
    differing keypoints circled in red; the ground truth if known; the depth heatmaps with their peaks if the prediction
    has them (``test_cfg=dict(output_depth_heatmaps=True)``). Skeleton and colours come from ``set_dataset_meta``.

    It can replace mmpose's ``PoseLocalVisualizer``, and draws that class's picture if there is no prediction.

    Args:
        name: Name of the instance. Defaults to ``'visualizer'``.
        image: Image to draw on, as in mmengine. Defaults to None.
        vis_backends: mmengine backends that pictures go to (local folder, TensorBoard). Defaults to None.
        save_dir: Folder of the backends. Defaults to None.
        mask_skeleton: Skeleton of the drawn mask: name, file, dict or object. Defaults to None: the shipped skeleton
            with the data set's name, else the data set's links.
        views: (azimuth, elevation) in degrees of each row of 3D poses; azimuth 0 is the camera's direction.
            Defaults to ((30, 14), (100, 8)).
        difference_mm: Keypoints farther than this from the top-1 pose are circled. Defaults to 50.
        max_instances: Blocks in one picture, highest box scores first. Defaults to 4.
        root: Keypoint that poses are centred on; the root of ``mask_skeleton`` takes precedence. Defaults to 0.
        dpi: Resolution; a block of 3 hypotheses with depth heatmaps is about 1230 px wide at 110. Defaults to 110.
        **kwargs: As in ``PoseLocalVisualizer``.
    """

    def __init__(self,
                 name: str = 'visualizer',
                 image: np.ndarray | None = None,
                 vis_backends: dict | list | None = None,
                 save_dir: str | None = None,
                 mask_skeleton: str | dict | Skeleton | None = None,
                 views: Sequence[tuple[float, float]] = ((30.0, 14.0), (100.0, 8.0)),
                 difference_mm: float = 50.0,
                 max_instances: int = 4,
                 root: int = 0,
                 dpi: int = 110,
                 **kwargs) -> None:
        super().__init__(name=name, image=image, vis_backends=vis_backends, save_dir=save_dir, **kwargs)
        self.max_instances = max_instances
        self.root = root
        self.options = FigureOptions(
            views=tuple(tuple(map(float, direction)) for direction in views), difference_mm=difference_mm, dpi=dpi)
        self._finds_skeleton = mask_skeleton is None
        if mask_skeleton is not None:
            self._set_skeleton(load_skeleton(mask_skeleton))

    def draw(self, image: np.ndarray, data_sample: PoseDataSample, draw_gt: bool = True,
             kpt_thr: float = 0.0) -> np.ndarray | None:
        """Draw the instances of a data sample.

        Args:
            image: (h, w, 3) uint8 RGB, the whole image of the sample.
            data_sample: Prediction, and ground truth if any.
            draw_gt: Show the ground truth if the sample has it. Defaults to True.
            kpt_thr: Keypoints of lower ``keypoints_visible`` are not drawn on the image. Defaults to 0.

        Returns:
            The picture, (H, W, 3) uint8 RGB; None without a prediction.

        Raises:
            ValueError: The number of keypoints differs from the data set's meta information.
        """
        views = [view for view in (view_instance(data_sample, index, self.root) for index in self._order(data_sample))
                 if view is not None]
        if not views:
            return None
        options = replace(self.options, keypoint_threshold=kpt_thr)
        return _stacked([self._block(image, view if draw_gt else _without_truth(view), options) for view in views])

    @master_only
    def add_datasample(self,
                       name: str,
                       image: np.ndarray,
                       data_sample: PoseDataSample,
                       draw_gt: bool = True,
                       draw_pred: bool = True,
                       show: bool = False,
                       wait_time: float = 0,
                       out_file: str | None = None,
                       kpt_thr: float = 0.3,
                       step: int = 0,
                       **kwargs) -> np.ndarray:
        """Draw a data sample; show, write or store the picture.

        Args:
            name: Identifier of the picture in the backends.
            image: (h, w, 3) uint8 RGB.
            data_sample: Prediction, and ground truth if any.
            draw_gt: Show the ground truth if it is known. Defaults to True.
            draw_pred: Show the prediction. Defaults to True.
            show: Open a window. Defaults to False.
            wait_time: Seconds to show the window; 0 waits for a key. Defaults to 0.
            out_file: Write the picture to this file instead of the backends. Defaults to None.
            kpt_thr: Keypoints of lower visibility are not drawn on the image. Defaults to 0.3.
            step: Global step for the backends. Defaults to 0.
            **kwargs: Further options of mmpose, used if its picture is drawn.

        Returns:
            The picture, (H, W, 3) uint8 RGB.
        """
        picture = self.draw(image, data_sample, draw_gt, kpt_thr) if draw_pred else None
        if picture is None:
            return super().add_datasample(name, image, data_sample, draw_gt=draw_gt, draw_pred=draw_pred, show=show,
                                          wait_time=wait_time, out_file=out_file, kpt_thr=kpt_thr, step=step, **kwargs)
        self.set_image(picture)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_picture(out_file, picture)
        else:
            self.add_image(name, picture, step)
        return self.get_image()

    def set_dataset_meta(self, dataset_meta: Mapping, skeleton_style: str = 'mmpose') -> None:
        """Set names, links and colours from a data set.

        Args:
            dataset_meta: Parsed meta information (mmpose's ``parse_pose_metainfo``).
            skeleton_style: As in mmpose. Defaults to ``'mmpose'``.
        """
        super().set_dataset_meta(dataset_meta, skeleton_style)
        # Not self.dataset_meta, which is None in all processes but the first.
        shipped = SHIPPED_DIR / f'{dataset_meta.get("dataset_name")}.json'
        if self._finds_skeleton:
            self._set_skeleton(load_skeleton(shipped.stem) if shipped.is_file() else None)

    def _set_skeleton(self, skeleton: Skeleton | None) -> None:
        """Use a skeleton's links and widths for the mask, and its root to centre poses."""
        if skeleton is None:
            self.options = replace(self.options, mask_links=None, mask_width_factors=None)
            return
        self.root = skeleton.root
        self.options = replace(self.options, mask_links=skeleton.drawn_links, mask_width_factors=skeleton.width_factors)

    def _block(self, image: np.ndarray, view: InstanceView, options: FigureOptions) -> np.ndarray:
        style = PoseStyle.from_dataset_meta(self.dataset_meta, view.poses.shape[1])
        return figure_to_rgb(pose_figure(image, view, style, options))

    def _order(self, data_sample: PoseDataSample) -> list[int]:
        """Return the instances to draw, highest box scores first."""
        instances = data_sample.get('pred_instances')
        if instances is None or 'keypoints' not in instances:
            return []
        scores = np.asarray(instances.get('bbox_scores', np.ones(len(instances))), dtype=np.float64).reshape(-1)
        return np.argsort(-scores, kind='stable')[:self.max_instances].tolist()


def _without_truth(view: InstanceView) -> InstanceView:
    return replace(view, true_pixels=None, true_pose=None, mask=None)


def _stacked(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Stack blocks vertically, padded with white to the widest."""
    width = max(block.shape[1] for block in blocks)
    return np.concatenate([np.pad(block, ((0, 0), (0, width - block.shape[1]), (0, 0)), constant_values=255)
                           for block in blocks])
