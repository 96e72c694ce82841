"""Predict all hypotheses on images, and write pictures and JSON files."""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmengine.registry import FUNCTIONS
from mmengine.structures import InstanceData
from mmpose.apis.inferencers import Pose2DInferencer
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample, merge_data_samples
from rich.progress import track

from mmxas.codecs.predictions import crop_box
from mmxas.compat.config_paths import PREFIX, config_path
from mmxas.datasets.transforms import SegmentInBox, UnreadableImageError
from mmxas.engine.config_knobs import apply_knobs, read_config
from mmxas.io.atomic_writes import write_whole
from mmxas.io.regular_files import to_json
from mmxas.masks import Segmenter
from mmxas.masks.segmenter import clip_box
from mmxas.ops.boxes import is_whole_image
from mmxas.ops.checks import check_choice
from mmxas.registry import INFERENCERS, VISUALIZERS
from mmxas.visualization import write_picture

from .camera_lift import lift_to_camera
from .checkpoint_checks import check_fits
from .image_inputs import ImageInput, as_image_inputs, boxes_by_image
from .known_camera import KnownCamera
from .model_zoo import find_model, is_model_name
from .onnx_detector import OnnxDetector
from .pose_record import InferenceResult, pose_record

BACKENDS = ('pytorch', 'onnxruntime')


@INFERENCERS.register_module()
class XASInferencer(Pose2DInferencer):
    """Run a multi-hypothesis detector on images, arrays, folders and videos.

    Args:
        model: Name of a model in the metafiles, such as ``'human'`` (docs/models.md); config file,
            ``mmxas::<name>.py``, or a config.
        weights: Checkpoint. Defaults to None: for a name, the weights that come with mmxas; for a config, untrained
            weights, with a warning. With ``backend='onnxruntime'``, a file written by ``mmxas export onnx``.
        device: ``'cpu'``, ``'cuda:0'``, ... Defaults to None: the best available.
        depth_heatmaps: Predict and draw depth heatmaps. Defaults to True.
        show_progress: Show a progress bar for several images. Defaults to False.
        det_model: An mmdet config or name that finds boxes if none are given, as in mmpose. Defaults to None: the
            segmenter of the test pipeline's ``SegmentInBox`` finds them; without that step, the whole image is the box.
        det_weights: Checkpoint of ``det_model``.
        det_cat_ids: Categories of ``det_model`` to keep.
        backend: ``'pytorch'`` or ``'onnxruntime'``, which is faster on a CPU. Defaults to ``'pytorch'``.

    Raises:
        ValueError: The checkpoint or ONNX file does not fit the detector, the backend is unknown, the config has no
            ``model`` or ``test_dataloader``, no model has this name, mmxas ships no weights for it, or their SHA-256
            is wrong.
        FileNotFoundError: The weights that come with mmxas are missing.

    Attributes:
        skipped: Unreadable files of the last call, with the reason.
        nobody: Names of the images of the last call without a given or found box.
        run: Time of construction, stored in the records.
        weights_file: The checkpoint or ONNX file; None for untrained weights.

    Example::

        inferencer = XASInferencer('human')
        for result in inferencer('photos/', out_dir='out'):
            top1 = result['predictions'][0]['instances'][0]['hypotheses'][0]['keypoints']
    """

    preprocess_kwargs: set = {'bboxes', 'camera', 'bbox_thr', 'nms_thr'}
    forward_kwargs: set = set()
    visualize_kwargs: set = {'return_vis', 'show', 'wait_time', 'kpt_thr', 'vis_out_dir'}
    postprocess_kwargs: set = {'pred_out_dir'}

    def __init__(self,
                 model: str | Path | Config | dict,
                 weights: str | None = None,
                 device: str | None = None,
                 depth_heatmaps: bool = True,
                 show_progress: bool = False,
                 det_model: str | dict | None = None,
                 det_weights: str | None = None,
                 det_cat_ids: int | tuple | None = None,
                 backend: str = 'pytorch') -> None:
        check_choice(backend, BACKENDS, 'backend')
        if isinstance(model, str) and is_model_name(model):
            named = find_model(model)
            model = named.config
            weights = str(named.require_weights()) if weights is None and backend == 'pytorch' else weights
        cfg = _read_config(model)
        cfg.setdefault('data_mode', 'topdown')
        cfg.setdefault('dataset_type', cfg.test_dataloader.dataset.type)
        cfg.model.test_cfg = dict(cfg.model.get('test_cfg') or {}, output_depth_heatmaps=depth_heatmaps)
        self.skipped: list[str] = []
        self.nobody: list[str] = []
        self.run = datetime.now(UTC).isoformat(timespec='milliseconds')
        self._camera: KnownCamera | None = None
        self.weights_file = weights
        self._onnx = None
        if backend == 'onnxruntime':
            if weights is None:
                raise ValueError("backend='onnxruntime' needs weights: the file that mmxas export onnx wrote")
            self._onnx, weights, device = OnnxDetector(weights), None, 'cpu'
        super().__init__(model=cfg, weights=weights, device=device, scope=cfg.get('default_scope', 'mmpose'),
                         det_model=det_model or 'whole_image', det_weights=det_weights, det_cat_ids=det_cat_ids,
                         show_progress=show_progress)
        if self._onnx is not None:
            self._onnx.check_fits(self.model, self.crop_size)

    @property
    def crop_size(self) -> int:
        """Side S of the crops of the test pipeline, in px."""
        return next(int(step['input_size'][0]) for step in self.cfg.test_dataloader.dataset.pipeline
                    if step['type'] == 'SquareCropAffine')

    def __call__(self, inputs: str | Path | np.ndarray | Sequence, return_datasamples: bool = False,
                 batch_size: int = 1, out_dir: str | Path | None = None, **kwargs) -> Iterator[InferenceResult]:
        """Predict, one image after the other.

        Unreadable files of a folder or list are logged, added to ``skipped`` and left out; a single one raises. An
        image without a found body is logged and added to ``nobody``; its record has no instances and its picture is
        the image itself.

        Args:
            inputs: An image file, a folder (images directly inside it), an array (h, w, 3) BGR, or a list of files and
                arrays.
            return_datasamples: Return data samples instead of plain data. Defaults to False.
            batch_size: As in mmpose; the boxes of one image are one batch. Defaults to 1.
            out_dir: Folder for ``visualizations/<name>.png`` and ``predictions/<name>.json``. Defaults to None.
            **kwargs: ``bboxes``, x0, y0, x1, y1 in px: one box or several for a single image; for several images one
                such entry (or None) per image, or ``{file: boxes}``, also as the path of a JSON file. ``camera``, a
                dict of the intrinsics ``K`` (3, 3) and the ``root_depth`` in mm (one, or one per box): depths are then
                in mm and poses are lifted to the camera frame. ``return_vis``, ``show``, ``wait_time``, ``kpt_thr``,
                ``vis_out_dir``, ``pred_out_dir`` as in mmpose.

        Yields:
            ``predictions``: one record per image (see :func:`~.pose_record.pose_record`), or a data sample;
            ``visualization``: a list with its picture, if requested. ``plot()`` shows it in a notebook.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: There is no image, the boxes or the camera are invalid, or a camera is given, no box is, and
                several bodies are found.
        """
        if out_dir is not None:
            kwargs.setdefault('vis_out_dir', str(Path(out_dir) / 'visualizations'))
            kwargs.setdefault('pred_out_dir', str(Path(out_dir) / 'predictions'))
        options = self._dispatch_kwargs(**kwargs)
        images = as_image_inputs(inputs)
        batches = self.preprocess(images, batch_size, **options[0])
        if self.show_progress:
            batches = track(batches, description='Inference', total=len(images))
        for data, originals in batches:
            preds = self.forward(data)
            for pred, (image, source) in zip(preds, originals, strict=True):
                pred.set_metainfo(dict(result_name=source.name, img_path=source.path, ori_shape=image.shape[:2]))
            pictures = self.visualize(originals, preds, **options[2])
            results = self.postprocess(preds, pictures, return_datasamples=return_datasamples, **options[3])
            (image, source), = originals
            yield InferenceResult(results, image if source.path is None else None)

    def preprocess(self, inputs: Sequence[ImageInput], batch_size: int = 1, bboxes: Any = None,
                   camera: Mapping[str, Any] | None = None, **kwargs) -> Iterator[tuple[dict, list]]:
        """Read images and crop them.

        Args:
            inputs: The images.
            batch_size: Not used: the boxes of one image are one batch.
            bboxes: Boxes x0, y0, x1, y1 in px, as in the call. Defaults to None: they are found.
            camera: ``dict(K=..., root_depth=...)`` of the images. Defaults to None: unknown.

        Yields:
            The batch of one image's boxes, and a list of (image BGR, input).

        Raises:
            UnreadableImageError: No image can be read; a single unreadable one among several is skipped.
        """
        self.skipped, self.nobody = [], []
        self._camera = None if camera is None else KnownCamera.from_dict(camera)
        boxes = boxes_by_image(bboxes, inputs)
        for image_input, image_boxes in zip(inputs, boxes, strict=True):
            try:
                image = image_input.load()
            except UnreadableImageError as error:
                if len(inputs) == 1:
                    raise
                self.skipped.append(str(error))
                print_log(f'skipped an unreadable image, {len(self.skipped)} so far: {error}', logger='current',
                          level=logging.WARNING)
                continue
            samples = self.preprocess_single(image, image_input, image_boxes, **kwargs)
            yield self.collate_fn(samples) if samples else {}, [(image, image_input)]
        if len(self.skipped) == len(inputs):
            raise UnreadableImageError(f'none of the {len(inputs)} images could be read; the first: {self.skipped[0]}')

    def preprocess_single(self, image: np.ndarray, image_input: ImageInput, bboxes: np.ndarray | None = None,
                          **kwargs) -> list[dict]:
        """Run the test pipeline on each box of an image.

        Args:
            image: (h, w, 3) uint8 BGR.
            image_input: Source of the image.
            bboxes: (N, 4), or None: they are found, or the whole image is the box (see the class).

        Returns:
            N packed samples; none if no body is found.

        Raises:
            ValueError: A camera is given, no box is, and several bodies are found.
        """
        boxes, scores, source = self._boxes(image, image_input, bboxes, **kwargs)
        if not len(boxes):
            return []
        depths = None if self._camera is None else self._camera.root_depths(len(boxes), image_input.label)
        samples = []
        for index, box in enumerate(boxes):
            info = dict(self.model.dataset_meta, img=image, img_path=image_input.label,
                        bbox=box[None].astype(np.float32), bbox_score=scores[index:index + 1], box_source=source)
            if depths is not None:
                info.update(camera=dict(K=self._camera.K), root_depth=float(depths[index]))
            samples.append(self.pipeline(info))
        return samples

    @torch.no_grad()
    def forward(self, inputs: dict, **kwargs) -> list[PoseDataSample]:
        """Predict the instances of one image.

        Returns:
            One data sample of all instances, with ``crop_boxes`` (N, 4) and, if known, ``rect_3d_width`` (N,).
        """
        return [merge_data_samples(self.predict_crops(inputs))] if inputs else [self.empty_sample()]

    @torch.no_grad()
    def predict_crops(self, inputs: dict) -> list[PoseDataSample]:
        """Predict each crop of a batch, which may be of several images.

        Args:
            inputs: Packed samples of the test pipeline, collated.

        Returns:
            One data sample per crop, with ``crop_boxes`` (1, 4) and, if known, ``rect_3d_width`` (1,).
        """
        samples = self.model.test_step(inputs) if self._onnx is None else self._onnx.test_step(self.model, inputs)
        for sample in samples:
            sample.pred_instances.crop_boxes = crop_box(sample.metainfo)[None]
            if sample.metainfo.get('rect_3d_width') is not None:
                sample.pred_instances.rect_3d_width = np.array([sample.metainfo['rect_3d_width']], dtype=np.float64)
        return samples

    def visualize(self, inputs: Sequence[tuple[np.ndarray, ImageInput]], preds: Sequence[PoseDataSample],
                  return_vis: bool = False, show: bool = False, wait_time: float = 0, kpt_thr: float = 0.0,
                  vis_out_dir: str = '', **kwargs) -> list[np.ndarray]:
        """Draw predictions, and write ``<name>.png`` into ``vis_out_dir``.

        Returns:
            The pictures (RGB), if requested; the image itself if no body is found.
        """
        if not (return_vis or show or vis_out_dir):
            return []
        pictures = []
        for (image, image_input), pred in zip(inputs, preds, strict=True):
            picture = image[..., ::-1] if not len(pred.pred_instances) else \
                self.visualizer.draw(image[..., ::-1], pred, draw_gt=False, kpt_thr=kpt_thr)
            if show:
                self.visualizer.show(picture, win_name=image_input.name, wait_time=wait_time)
            if vis_out_dir:
                write_picture(Path(vis_out_dir) / f'{image_input.name}.png', picture)
            pictures.append(picture)
        return pictures

    def postprocess(self, preds: Sequence[PoseDataSample], visualization: list[np.ndarray],
                    return_datasamples: bool = False, pred_out_dir: str = '', **kwargs) -> dict[str, list]:
        """Convert predictions to plain data, and write ``<name>.json`` into ``pred_out_dir``.

        Returns:
            ``predictions`` and ``visualization``.
        """
        records = []
        for pred in preds:
            name, lifted = pred.metainfo['result_name'], None
            if self._camera is not None and len(pred.pred_instances):
                depths = self._camera.root_depths(len(pred.pred_instances.keypoints), name)
                lifted = lift_to_camera(pred, self._camera.K, depths)
            records.append(dict(pose_record(pred, self.model.dataset_meta, self._camera, lifted), run=self.run))
            if pred_out_dir:
                write_whole(Path(pred_out_dir) / f'{name}.json', to_json(records[-1]).encode())
        return dict(predictions=list(preds) if return_datasamples else records, visualization=visualization)

    def _boxes(self, image: np.ndarray, image_input: ImageInput, bboxes: np.ndarray | None,
               **kwargs) -> tuple[np.ndarray, np.ndarray, str]:
        """Return boxes (N, 4), scores (N,) and their source: given, found, or the whole image."""
        for box in () if bboxes is None else bboxes:
            try:
                clip_box(box, image.shape)
            except ValueError as error:
                raise ValueError(f'{image_input.label}: {error}') from error
        if bboxes is not None and len(bboxes) == 1 and is_whole_image(bboxes[0], image.shape):
            bboxes = None
        if bboxes is not None:
            return bboxes, np.ones(len(bboxes), dtype=np.float32), 'given'
        bboxes, scores, source = self.find_boxes(image, **kwargs)
        if not len(bboxes):
            self.nobody.append(image_input.name)
            print_log(f'nobody found in {image_input.label} by {type(self.segmenter).__name__}: give a box (bboxes=, '
                      '--bbox or --boxes)', logger='current', level=logging.WARNING)
        if self._camera is not None:
            self._camera.require_one(len(bboxes), image_input.label)
        return bboxes, scores, source

    @property
    def segmenter(self) -> Segmenter | None:
        """The segmenter of the test pipeline; None if it has none."""
        return next((step.segmenter for step in self.pipeline.transforms if isinstance(step, SegmentInBox)), None)

    def find_boxes(self, image: np.ndarray, **kwargs) -> tuple[np.ndarray, np.ndarray, str]:
        """Find the boxes of the bodies in an image, by ``det_model``, else by the pipeline's segmenter.

        Args:
            image: (h, w, 3) uint8 BGR.
            **kwargs: ``bbox_thr`` and ``nms_thr`` of the detector, as in mmpose.

        Returns:
            Boxes (N, 4) float32 x0, y0, x1, y1 in px, scores (N,), and their source: ``'found'``, or ``'image'`` for
            the box of the whole image, where there is no segmenter that finds boxes.
        """
        if self.detector is not None:
            boxes, scores = self._detect_boxes(image, **kwargs)
            if len(boxes):
                return boxes, scores, 'found'
        boxes = None if self.segmenter is None else self.segmenter.find_boxes(image)
        if boxes is None:
            boxes = np.array([[0, 0, *image.shape[1::-1]]], dtype=np.float32)
        source = 'image' if len(boxes) == 1 and is_whole_image(boxes[0], image.shape) else 'found'
        return boxes, np.ones(len(boxes), dtype=np.float32), source

    def empty_sample(self) -> PoseDataSample:
        """Return the prediction for an image without a body."""
        head = self.model.head
        poses = head.decoding(self.model.test_cfg).num_hypotheses if hasattr(head, 'decoding') else 1
        shape = (0, poses, head.num_keypoints)
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            keypoints=np.zeros((0, shape[2], 3)), keypoint_scores=np.zeros((0, shape[2])), bboxes=np.zeros((0, 4)),
            bbox_scores=np.zeros(0), hypotheses=np.zeros((*shape, 3)), hypothesis_scores=np.zeros(shape),
            hypothesis_valid=np.zeros(shape, dtype=bool))
        return sample

    def _detect_boxes(self, image: np.ndarray, bbox_thr: float = 0.3, nms_thr: float = 0.3,
                      **kwargs) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes and scores of the detector's categories."""
        from mmpose.evaluation.functional import nms
        found = self.detector(image, return_datasamples=True)['predictions'][0].pred_instances.cpu().numpy()
        keep = np.isin(found.labels, self.det_cat_ids) & (found.scores > bbox_thr)
        boxes = np.concatenate([found.bboxes[keep], found.scores[keep, None]], axis=1)
        boxes = boxes[nms(boxes, nms_thr)] if len(boxes) else boxes
        return boxes[:, :4].astype(np.float32), boxes[:, 4].astype(np.float32)

    def _load_weights_to_model(self, model: torch.nn.Module, checkpoint: dict | None, cfg: Config | None) -> None:
        """Load a checkpoint that must fit; skeleton names and colours come from the model."""
        meta = parse_pose_metainfo(model.skeleton.to_metainfo()) if hasattr(model, 'skeleton') else None
        if checkpoint is not None:
            check_fits(model, checkpoint)
            if meta is not None:
                checkpoint = dict(state_dict=checkpoint.get('state_dict', checkpoint), meta=dict(dataset_meta=meta))
        if self._onnx is None:
            super()._load_weights_to_model(model, checkpoint, cfg)
        if meta is not None:
            model.dataset_meta = meta

    def _init_collate(self, cfg: Config) -> Callable:
        """Return the test loader's collate function, else mmengine's default."""
        own = cfg.test_dataloader.get('collate_fn')
        return pseudo_collate if own is None else FUNCTIONS.get(own['type'] if isinstance(own, dict) else own)

    def _init_visualizer(self, cfg: Config) -> Any:
        """Return the config's XASVisualizer, or a new one with the model's skeleton."""
        own = cfg.get('visualizer') or {}
        options = {k: v for k, v in own.items() if k not in ('vis_backends', 'save_dir')} \
            if own.get('type') == 'XASVisualizer' else dict(mask_skeleton=cfg.model.get('skeleton'))
        return VISUALIZERS.build(dict(options, type='XASVisualizer', name=f'inferencer-{id(self)}'))

    def update_model_visualizer_settings(self, **kwargs) -> None:
        """Do nothing: the constructor sets up the visualizer."""


def _read_config(model: str | Path | Config | dict) -> Config:
    """Return an independent config with everything that is needed to build a detector."""
    name = str(model) if isinstance(model, str | Path) else getattr(model, 'filename', None) or 'config'
    if isinstance(model, str | Path):
        cfg = read_config(config_path(name) if name.startswith(PREFIX) else name)
    else:
        cfg = Config(ConfigDict(model._cfg_dict if isinstance(model, Config) else model).to_dict())
        apply_knobs(cfg)
    for key in ('model', 'test_dataloader'):
        if not cfg.get(key):
            raise ValueError(f'{name}: no {key}, from which a detector is built; use a complete config, such as '
                             'mmxas::xas_mocap.py')
    return cfg
