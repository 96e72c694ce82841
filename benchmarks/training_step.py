"""Benchmark one training step of the paper's detector with all losses (equation 17), both domains and both sides."""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import mmxas  # noqa: F401
from benchmarks.comparison import ROOT, Contest
from benchmarks.decode import plain_decode
from benchmarks.discriminator import PlainDiscriminator
from benchmarks.skeleton_mask import FACTORS, LINKS, plain_draw
from mmxas.engine.hooks.keep_memory_hook import keep_freed_memory
from mmxas.engine.optim import AutocastOptimWrapper
from mmxas.models.pose_estimators import XASPoseEstimator
from mmxas.ops.kernels.products import has_onednn
from mmxas.registry import MODELS

N, SIZE = 8, 256
WEIGHTS = dict(render=0.5, mask=0.02, adversarial=1.0)
ADAM = dict(lr=1e-4, betas=(0.5, 0.999))
# torch's default memory layout.
PLAIN = dict(channels_last=False, head=dict(contiguous_logits=False))


def detector(**changes: object) -> XASPoseEstimator:
    """Return the estimator of ``configs/_base_/models/xas_r50.py`` with random weights and without dropout."""
    torch.manual_seed(0)
    init_default_scope('mmpose')
    cfg = Config.fromfile(ROOT / 'configs/_base_/models/xas_r50.py')
    own = dict(backbone=dict(init_cfg=None), discriminator=dict(dropout=0.0), loss_weights=WEIGHTS)
    cfg.merge_from_dict(dict(model={**own, **changes}))
    return MODELS.build(cfg.model).train()


def build_model(config: str) -> XASPoseEstimator:
    """Return a config's estimator with random weights in the last stage, in which all networks are trained."""
    cfg = Config.fromfile(ROOT / config)
    backbone = cfg.model.backbone
    backbone.update({'init_cfg': None} if 'init_cfg' in backbone else {'pretrained': False})
    torch.manual_seed(0)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    model.set_stage(cfg.train_cfg.stages[-1].loss_weights)
    return model.train()


def example_batch(batch: int = N, size: int = SIZE) -> tuple[Tensor, list[PoseDataSample]]:
    """Return normalised crops (2 N, 3, S, S), N targets with masks and N synthetic ones with labels."""
    generator = torch.Generator().manual_seed(0)
    crops = torch.randn(2 * batch, 3, size, size, generator=generator)
    samples = []
    for index in range(2 * batch):
        sample = PoseDataSample(metainfo=dict(domain='target' if index < batch else 'synthetic', img_path=str(index)))
        if index < batch:
            rows = torch.linspace(-1, 1, size)
            body = (rows.square()[:, None] / 0.6 + rows.square() / 0.1 < 1).float()
            sample.gt_fields = PixelData(mask=body[None])
        else:
            labels = torch.rand(1, 18, 3, generator=generator) - 0.5
            sample.gt_instance_labels = InstanceData(keypoint_norm=labels, keypoint_weights=torch.ones(1, 18))
        samples.append(sample)
    return crops, samples


def counted_flops(run: Callable[[], object]) -> int:
    """Return the operations of a run, counted by torch with a formula added for oneDNN's product."""
    formulas = {torch.ops.mkldnn._linear_pointwise: _linear_flops} if has_onednn() else {}
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        run()
    return counter.get_total_flops()


def _linear_flops(rows: torch.Size, columns: torch.Size, *_: object, **__: object) -> int:
    return 2 * math.prod(rows) * columns[0]


class PlainStep:
    """Training step as in the equations: the detector processes the targets once for its own update, and once without
    a graph for the discriminator's.

    Args:
        model: The trained model.
        crops: (2 N, 3, S, S).
        samples: Data samples of the N targets and N synthetic crops.
        keep: Keep freed memory.
    """

    def __init__(self, model: XASPoseEstimator, crops: Tensor, samples: list[PoseDataSample],
                 keep: bool = False) -> None:
        half = len(samples) // 2
        self.model, self.targets, self.synthetic = model, crops[:half], crops[half:]
        self.masks = torch.stack([sample.gt_fields.mask for sample in samples[:half]])
        self.labels = torch.cat([sample.gt_instance_labels.keypoint_norm for sample in samples[half:]])
        self.keep, self.discriminator = keep, PlainDiscriminator(model.discriminator)
        networks = nn.ModuleList([model.backbone, model.head, model.physique])
        self.optimizers = [torch.optim.Adam(side.parameters(), **ADAM) for side in (self.discriminator, networks)]

    def __call__(self) -> dict[str, Tensor]:
        """Run both updates; return the losses."""
        keep_freed_memory(self.keep)
        judge, train = self.optimizers
        terms = {'loss_discriminator_adversarial': self._discriminator_loss()}
        self._update(judge, terms['loss_discriminator_adversarial'])
        own = self._detector_losses()
        self._update(train, sum(own.values()))
        return {name: value.detach() for name, value in {**terms, **own}.items()}

    def _detect(self, crops: Tensor) -> Tensor:
        return plain_decode(self.model.head(self.model.extract_feat(crops)))

    def _scores(self, poses: Tensor) -> Tensor:
        centred = poses - poses[..., :1, :]
        return self.discriminator(centred.flatten(0, -3)).view(poses.shape[:-2])

    def _discriminator_loss(self) -> Tensor:
        with torch.no_grad():
            poses = self._detect(self.targets)
        fake = self._scores(poses)
        return 0.5 * (self._scores(self.labels) - 1).square().mean() + 0.5 * fake.square().amin(dim=1).mean()

    def _detector_losses(self) -> dict[str, Tensor]:
        poses, found = self._detect(self.targets), self._detect(self.synthetic)
        drawn = plain_draw(poses[:, 0, :, :2], LINKS, FACTORS, self.targets.shape[-1])
        errors = [(mask - self.masks).square().mean() for mask in (drawn, self.model.physique(drawn))]
        distances = (found - self.labels[:, None]).square().mean(dim=(-2, -1))
        adversarial = 0.5 * (self._scores(poses) - 1).square().amin(dim=1).mean()
        terms = dict(render=distances.amin(dim=1).mean(), mask=sum(errors), adversarial=adversarial)
        return {f'loss_{name}': WEIGHTS[name] * value for name, value in terms.items()}

    @staticmethod
    def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class OurStep:
    """Training step of ``tools/train.py``.

    Args:
        model: The estimator.
        crops: (2 N, 3, S, S).
        samples: Data samples of the N targets and N synthetic crops.
        bf16: Autocast to bfloat16.
        keep: Keep freed memory, as the configs' ``KeepMemoryHook`` does.
    """

    def __init__(self, model: XASPoseEstimator, crops: Tensor, samples: list[PoseDataSample],
                 bf16: bool = False, keep: bool = True) -> None:
        self.model, self.crops, self.samples, self.keep = model, crops, samples, keep
        wrapper = AutocastOptimWrapper if bf16 else OptimWrapper
        self.optimizer = wrapper(optimizer=torch.optim.Adam(model.parameters(), **ADAM))

    def __call__(self) -> dict[str, Tensor]:
        """Run the single update; return the losses."""
        keep_freed_memory(self.keep)
        with self.optimizer.optim_context(self.model):
            losses = self.model.loss(self.crops, self.samples)
        self.optimizer.update_params(sum(losses.values()))
        return {name: value.detach() for name, value in losses.items()}


def build(way: str, bf16: bool = False, batch: int = N, size: int = SIZE,
          keep: bool = True, plain_keeps: bool = False) -> Callable[[], dict[str, Tensor]]:
    """Return a step; the plain one always uses float32, and the C library's default memory unless ``plain_keeps``."""
    crops, samples = example_batch(batch, size)
    if way == 'plain':
        return PlainStep(detector(**PLAIN), crops, samples, plain_keeps)
    return OurStep(detector(), crops, samples, bf16, keep)


# In a training, a step follows one of its own kind: memory that the other side returns to the system between two turns
# is missing for a side that keeps memory. Therefore ``after=1``, unless both sides treat memory alike.
CONTESTS = [
    Contest('training_step', f'training step, ResNet-50, {SIZE}x{SIZE}, batch {N}, float32', build, 1.6, after=1),
    Contest('training_step_same_memory', 'the same, ours gives freed memory back, too', partial(build, keep=False)),
    Contest('training_step_both_keep', 'the same, plain keeps freed memory, too', partial(build, plain_keeps=True)),
    Contest('training_step_bf16', 'the same in bfloat16, against float32', partial(build, bf16=True), 3.0, after=1),
]
