"""Adapt a detector to unlabelled images: make masks, train its last stage, measure label-free metrics, predict."""
from __future__ import annotations

import copy
import json
import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from terminaltables import AsciiTable
from torch import Tensor
from tqdm import tqdm

from mmxas.io import read_checkpoint_file, read_json, read_mask
from mmxas.io.atomic_writes import write_whole
from mmxas.masks.frames import Frame, spread
from mmxas.masks.mask_folder import MaskReport, generate_masks, inspect_masks
from mmxas.masks.saliency import default_segmenter
from mmxas.registry import DATASETS, MODELS, SEGMENTERS
from mmxas.synthesis.scene import paint_over
from mmxas.visualization import write_picture
from mmxas.visualization.mask_sheet import mask_sheet

from .adapt_images import choose_images, find_boxes, gather_images, write_frames
from .checkpoint_checks import check_fits
from .checkpoint_files import check_newest_checkpoint
from .configs import add_result_files, check_stages, check_text, load_config, merge_options
from .model_zoo import ZooModel, file_sha256
from .publishing import publish
from .xas_inferencer import XASInferencer

EVALUATIONS, MEASURED, PICTURES, TIMED = 5, 64, 8, 4
MARGIN = 0.05  # mask IoU by which another species must lead to be reported (docs/adaptation.md)
CHOSEN_BY = 'xas/mask_iou'
METRICS = {'mask_iou': 'MaskIoUMetric', 'flip_rate': 'FlipRateMetric', 'asymmetry': 'SymmetryMetric',
           'discriminator_score': 'DiscriminatorScoreMetric'}
ROWS = {'mask_iou': 'mask IoU, higher is better', 'flip_rate': 'left/right flips in %, lower is better',
        'asymmetry': 'left/right asymmetry in %, lower is better',
        'discriminator_score': 'score by the discriminator before, 1 is real'}


def adaptation_config(base: Config, folder: Path, out: Path, iterations: int, count: int,
                      masks: str | Path | None = None) -> Config:
    """Return the config of an adaptation: the last stage of the detector's config, with a folder as the target.

    Uses the synthetic pairs of the config, as many as the iterations need. If their background is not removed, they
    are rendered again in front of ``out/backgrounds``.

    Args:
        base: The detector's config.
        folder: The images.
        out: Folder of the results; its ``used.json``, ``boxes.json`` and ``masks`` are read.
        iterations: Number of training iterations, rounded up to a multiple of ``EVALUATIONS``.
        count: Number of images; about ``MEASURED`` of them, evenly spread, are evaluated.
        masks: Folder of the masks. Defaults to None: ``out/masks``.

    Raises:
        ValueError: The config has no target data set that the folder can replace.
    """
    cfg = copy.deepcopy(base)
    pairs = cfg.get('train_dataloader', {}).get('dataset', {})
    if not (pairs.get('target') or {}).get('pipeline') or not (cfg.get('train_cfg') or {}).get('stages'):
        raise ValueError(f'{cfg.filename}: needs train_dataloader.dataset.target.pipeline and train_cfg.stages, as in '
                         'configs/xas_mocap.py: they define the training on the images')
    skeleton = cfg.model.skeleton
    images = dict(type='ImageFolderDataset', data_root=str(folder), masks=str(masks or out / 'masks'),
                  boxes=str(out / 'boxes.json'), files=str(out / 'used.json'), on_error='skip', skeleton=skeleton)
    batch, per_epoch = cfg.train_dataloader.batch_size, math.ceil(iterations / EVALUATIONS)
    pairs.target = dict(images, pipeline=pairs.target.pipeline)
    pairs.length = batch * per_epoch
    if pairs.synthetic.get('num'):
        pairs.synthetic.num = min(pairs.synthetic.num, batch * per_epoch * EVALUATIONS)
    if renders_backgrounds(pairs.synthetic):
        pairs.synthetic.data_root = str(out / 'synthetic')
        pairs.synthetic.generator.background = dict(type='PhotoBackground', folder=str(out / 'backgrounds'))
    cfg.train_cfg.update(stages=[dict(cfg.train_cfg.stages[-1], epochs=EVALUATIONS)], val_begin=1, val_interval=1)
    test = dict(images, pipeline=cfg.test_dataloader.dataset.pipeline, test_mode=True,
                sample_interval=max(1, count // MEASURED))
    cfg.test_dataloader.dataset = test
    cfg.test_evaluator = [dict(type=name, skeleton=skeleton) for name in METRICS.values()
                          if name != 'DiscriminatorScoreMetric' or cfg.model.get('discriminator')]
    cfg.val_dataloader, cfg.val_evaluator = copy.deepcopy((cfg.test_dataloader, cfg.test_evaluator))
    cfg.default_hooks.checkpoint = dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=1, save_best=CHOSEN_BY)
    cfg.update(work_dir=str(out / 'training'), load_from=None, resume=False)
    return cfg


def renders_backgrounds(synthetic: Mapping[str, Any]) -> bool:
    """Return whether the background of rendered pairs reaches the network, according to the data set's config.

    Args:
        synthetic: Config of the synthetic data set.
    """
    removed = any(step['type'] == 'RemoveBackground' and step.get('prob', 1) == 1
                  for step in synthetic.get('pipeline', ()))
    return bool(synthetic.get('generator')) and not removed


def measure(cfg: Config, state: Mapping[str, Tensor], work_dir: Path) -> dict[str, float]:
    """Return the label-free metrics of the weights on the images.

    Args:
        cfg: Of :func:`adaptation_config`.
        state: The weights, by name.
        work_dir: Folder for the logs and the metrics' result files.

    Returns:
        Some of ``METRICS``, by name.
    """
    runner = _build_runner(cfg, work_dir, log_level='WARNING')
    runner.model.load_state_dict(state, strict=False)
    found = runner.test()
    return {name: float(found[f'xas/{name}']) for name in METRICS if f'xas/{name}' in found}


def seconds_per_iteration(cfg: Config) -> float:
    """Return the duration in s of one training iteration with data loading, measured on discarded iterations."""
    with tempfile.TemporaryDirectory() as folder:
        trial = copy.deepcopy(cfg)
        trial.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
        trial.train_dataloader.dataset.length = TIMED * trial.train_dataloader.batch_size
        trial.train_cfg.stages = [dict(stage, epochs=1) for stage in trial.train_cfg.stages]
        trial.default_hooks.checkpoint = None
        runner = _build_runner(trial, Path(folder), log_level='WARNING')
        runner.train()
        return float(np.mean(runner.message_hub.get_scalar('train/time').data[0][1:]))


@dataclass
class Adaptation:
    """An adaptation whose results are kept in a folder; calling again resumes an earlier run.

    Attributes:
        cfg: Of :func:`adaptation_config`.
        weights: The file of the initial weights.
        out: Folder of the results.
        frames: The images.
        boxes: ``{image: [x0, y0, x1, y1]}`` in px, for the images whose box was given.
    """

    cfg: Config
    weights: str
    out: Path
    frames: list[Frame]
    boxes: dict[str, list[float]]

    @classmethod
    def plan(cls, base: Config, weights: str, source: str | Path, out: str | Path, iterations: int = 300,
             limit: int = 500, boxes: Mapping[str, Sequence[float]] | None = None, masks: str | None = None,
             options: Mapping[str, Any] | None = None) -> Adaptation:
        """Validate the inputs before any slow step.

        Args:
            base: The detector's config.
            weights: The file of its weights.
            source: A folder of images, or a video.
            out: Folder of the results.
            iterations: Length of the training. Defaults to 300.
            limit: Maximum number of images, evenly spread. Defaults to 500.
            boxes: As in :func:`gather_images`. Defaults to None: the segmenter finds them.
            masks: Folder of existing masks. Defaults to None: masks are made.
            options: Settings to change in the adaptation's config. Defaults to None.

        Raises:
            FileNotFoundError: Images or weights are missing.
            ValueError: The weights do not fit the detector, there are too few images, they differ too little, or
                ``out`` holds another adaptation or lies inside ``source``.
        """
        out = Path(out)
        if out.resolve().is_relative_to(Path(source).resolve()):
            raise ValueError(f'{out}: lies in {source}, so its masks and pictures would be used as images; give an '
                             '--out-dir elsewhere')
        claim = json.loads(json.dumps(dict(
            source=str(Path(source).resolve()), config=base.filename, weights=file_sha256(Path(weights)), masks=masks,
            boxes=boxes, iterations=iterations, limit=limit, options=options), default=str))
        held = read_json(out / 'plan.json') if (out / 'plan.json').is_file() else claim
        for key in claim:
            if held.get(key) != claim[key]:
                raise ValueError(f'{out}: holds another adaptation, of {key} {held.get(key)} and not {claim[key]}; '
                                 'give another --out-dir, or remove this one')
        frames, boxes = gather_images(source, limit, boxes, masks)
        folder = Path(source) if frames[0].number < 0 else out / 'frames'
        cfg = adaptation_config(base, folder, out, iterations, len(frames), masks)
        merge_options(cfg, dict(options or {}))
        check_text(cfg)
        check_stages(cfg)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        checkpoint = read_checkpoint_file(weights, 'cpu')
        check_fits(MODELS.build(cfg.model), checkpoint)
        if cfg.model.get('discriminator') and not _tensors(checkpoint, 'discriminator.'):
            print(f'{weights}: these weights have no discriminator, it starts untrained')
            for key in ('val_evaluator', 'test_evaluator'):
                cfg[key] = [metric for metric in cfg[key] if metric['type'] != METRICS['discriminator_score']]
        write_whole(out / 'plan.json', json.dumps(claim, indent=1).encode())
        return cls(cfg, weights, out, frames, boxes)

    @property
    def iterations(self) -> int:
        """Number of training iterations."""
        loader = self.cfg.train_dataloader
        return sum(stage.epochs for stage in self.cfg.train_cfg.stages) * (loader.dataset.length // loader.batch_size)

    def prepare(self) -> None:
        """Write a video's frames; make masks, contact sheet and backgrounds; write ``used.json`` and ``left_out.json``.

        Raises:
            ValueError: The images or their masks are unusable, see :func:`choose_images`.
        """
        pairs = self.cfg.train_dataloader.dataset
        masks, sheet = Path(pairs.target.masks), self.out / 'masks_sheet.jpg'
        if self.frames[0].number >= 0:
            self.frames, self.boxes = write_frames(self.frames, self.boxes, self.out / 'frames')
        report = self._masks(masks)
        inspect_masks(self.frames, masks, report, self.boxes)
        picture = mask_sheet(self.frames, masks, report, self.boxes)
        if picture is not None:
            write_picture(sheet, picture)
        bad = {**report.failed, **report.wrong}
        write_whole(self.out / 'left_out.json', json.dumps(bad, indent=1).encode())
        print(f'{len(self.frames)} images, {len(bad)} left out for their masks ({self.out}/left_out.json, {sheet})')
        used = choose_images(self.frames, report, sheet)
        write_whole(self.out / 'used.json', json.dumps([frame.name for frame in used]).encode())
        if not renders_backgrounds(pairs.synthetic):
            print(f'The background does not reach the network: the synthetic pairs are those of {self.cfg.filename}')
            return
        for frame in tqdm(used, desc='backgrounds', unit='img'):
            path = (self.out / 'backgrounds' / frame.mask_name).with_suffix('.jpg')
            if not path.is_file():
                mask = read_mask(masks / frame.mask_name)
                write_picture(path, paint_over(frame.load(), mask)[..., ::-1])

    def measure_before(self, others: Sequence[ZooModel] = ()) -> dict[str, float]:
        """Return the metrics of the initial weights, and print how long the training will take.

        Args:
            others: Models to compare with; models of another skeleton should fit the masks less well. Defaults to
                none.

        Raises:
            ValueError: A model of another skeleton fits the masks better.
        """
        path = self.out / 'before.json'
        if not path.is_file():
            start = time.perf_counter()
            metrics = measure(self.cfg, _tensors(read_checkpoint_file(self.weights, 'cpu')), self.out / 'before')
            evaluation = time.perf_counter() - start
            for model in others:
                self._require_better(metrics['mask_iou'], model)
            iteration = seconds_per_iteration(self.cfg)
            write_whole(path, json.dumps(dict(metrics=metrics, iteration=iteration, evaluation=evaluation)).encode())
        found = read_json(path)
        minutes = (self.iterations * found['iteration'] + (EVALUATIONS + 1) * found['evaluation']) / 60
        print(f'{self.iterations} iterations of {found["iteration"]:.2f} s and {EVALUATIONS + 1} evaluations of '
              f'{found["evaluation"]:.0f} s: about {minutes:.0f} minutes in total', flush=True)
        return found['metrics']

    def _require_better(self, iou: float, model: ZooModel) -> None:
        """Raise if a model of another skeleton fits the masks better."""
        base, target = load_config(str(model.config)), self.cfg.train_dataloader.dataset.target
        if base.model.skeleton == self.cfg.model.skeleton:
            return
        cfg = adaptation_config(base, Path(target.data_root), self.out, self.iterations, len(self.frames), target.masks)
        name = (*model.aliases, model.name)[0]
        state = _tensors(read_checkpoint_file(model.require_weights(), 'cpu'))
        other = measure(cfg, state, self.out / 'before' / name)['mask_iou']
        if other > iou + MARGIN:
            raise ValueError(f'the poses of the model {name!r} fit the masks better than those of these weights (mask '
                             f'IoU {other:.2f}, not {iou:.2f}). Is it another species? Give --species {name}; --force '
                             'continues anyway')

    def train(self) -> None:
        """Train, or resume from the newest checkpoint in ``training``."""
        cfg = copy.deepcopy(self.cfg)
        check_newest_checkpoint(cfg.work_dir)
        cfg.resume = (Path(cfg.work_dir) / 'last_checkpoint').is_file()
        cfg.load_from = None if cfg.resume else self.weights
        _build_runner(cfg, Path(cfg.work_dir)).train()

    def finish(self, before: Mapping[str, float]) -> dict[str, Any]:
        """Keep the best weights, predict, and write ``report.json``.

        Args:
            before: The metrics of the initial weights.

        Returns:
            The report, see :func:`summary`.
        """
        first = _tensors(read_checkpoint_file(self.weights, 'cpu'), 'discriminator.')
        best, adapted = next(Path(self.cfg.work_dir).glob('best_*.pth')), self.out / 'adapted.safetensors'
        publish(best, self.cfg, 'adapted', adapted, sys.maxsize)
        after = measure(self.cfg, {**_tensors(read_checkpoint_file(adapted, 'cpu')), **first}, self.out / 'after')
        improved = after['mask_iou'] > before['mask_iou']
        if not improved:
            publish(self.weights, self.cfg, 'adapted', adapted, sys.maxsize)
        self._predict(adapted)
        report = dict(config=self.cfg.filename, weights=self.weights, adapted=str(adapted), best=best.name,
                      improved=improved, images=len(read_json(self.out / 'used.json')),
                      left_out=len(read_json(self.out / 'left_out.json')), iterations=self.iterations,
                      before=dict(before), after=after)
        write_whole(self.out / 'report.json', json.dumps(report, indent=1).encode())
        return report

    def _masks(self, masks: Path) -> MaskReport:
        """Make missing masks and write ``boxes.json``; for given masks, report the missing ones."""
        if masks != self.out / 'masks':
            write_whole(self.out / 'boxes.json', json.dumps(self.boxes).encode())
            return MaskReport(total=len(self.frames), failed={
                frame.name: 'no mask' for frame in self.frames if not (masks / frame.mask_name).is_file()})
        steps = self.cfg.test_dataloader.dataset.pipeline
        config = next((step.get('segmenter') for step in steps if step['type'] == 'SegmentInBox'), None)
        config = config or default_segmenter()
        segmenter = SEGMENTERS.build(config)
        self.boxes = find_boxes(self.frames, segmenter, self.boxes, self.out / 'boxes.json')
        return generate_masks(self.frames, masks, segmenter, config, self.boxes)

    def _predict(self, adapted: Path) -> None:
        """Predict the evaluated images, and draw some of them before and after the training."""
        dataset = DATASETS.build(self.cfg.test_dataloader.dataset)
        found = [dataset.get_data_info(index) for index in range(len(dataset))]
        for name, weights in (('before', self.weights), ('after', str(adapted))):
            inferencer = XASInferencer(self.cfg, weights)
            targets = [(spread(found, PICTURES), dict(vis_out_dir=str(self.out / 'visualizations' / name)))]
            if name == 'after':
                targets.append((found, dict(pred_out_dir=str(self.out / 'predictions'))))
            for infos, where in targets:
                for _ in inferencer([info['img_path'] for info in infos], bboxes=[info['bbox'] for info in infos],
                                    **where):
                    pass


def summary(report: Mapping[str, Any]) -> str:
    """Return a text summary of an adaptation's ``report.json``."""
    rows = [['', 'before', 'after'], *([text, f'{report["before"][name]:.3f}', f'{report["after"][name]:.3f}']
                                       for name, text in ROWS.items() if name in report['before'])]
    kept = f'{report["adapted"]} holds the best of {EVALUATIONS} evaluations by mask IoU ({report["best"]})'
    if not report['improved']:
        kept = f'The mask IoU did not rise: {report["adapted"]} holds the initial weights'
    return '\n'.join(['', AsciiTable(rows).table, f'{report["images"]} images, {report["left_out"]} left out, '
                      f'{report["iterations"]} iterations', kept, f'predict others: mmxas infer PHOTOS '
                      f'{report["config"]} {report["adapted"]}'])


def _tensors(checkpoint: Mapping[str, Any], prefix: str = '') -> dict[str, Tensor]:
    """Return the tensors of a checkpoint whose names begin with a prefix."""
    state = checkpoint.get('state_dict', checkpoint)
    return {name: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _build_runner(cfg: Config, work_dir: Path, **changes: Any) -> Runner:
    """Build a runner with a unique name, so that it shares no logs and history with another runner."""
    cfg, name = copy.deepcopy(cfg), f'adapt_{time.time_ns()}'
    cfg.update(work_dir=str(work_dir), experiment_name=name, **changes)
    if cfg.get('visualizer'):
        cfg.visualizer.name = name
    for key in ('val_evaluator', 'test_evaluator'):
        if cfg.get(key):
            add_result_files(cfg, key)
    return Runner.from_cfg(cfg)
