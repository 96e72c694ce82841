"""X as Supervision: the detector, and the weighted sum of losses that train it without pose labels (paper, eq. 17).

N: batch, H: hypotheses, K: keypoints, L: drawn links, S: crop size in px, m: mask size in px.
"""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from torch import Tensor, nn
from torch.func import functional_call

from mmxas.models.batch_labels import stack_labels, stack_masks
from mmxas.models.layers import convert_batch_norm
from mmxas.models.losses.routes import ROUTES, check_reads
from mmxas.models.pose_estimators.pose_predictor import PosePredictor
from mmxas.ops import Hypotheses, Marginals, draw_skeleton
from mmxas.ops.checks import check_positive
from mmxas.ops.kernels.memory import upload
from mmxas.registry import MODELS, component_takes
from mmxas.structures import Skeleton, load_skeleton, require_same_skeleton

# Scale of the loss for logged gradients in float16, so that they do not vanish; as the initial scale of loss scaling.
FLOAT16_SCALE = 2.0**16


@MODELS.register_module()
class XASPoseEstimator(PosePredictor):
    """Multi-hypothesis detector trained from masks, a discriminator and synthetic pairs.

    A training batch has target samples (``domain='target'``: image, mask) and synthetic samples
    (``domain='synthetic'``: image, crop-normalised keypoints). The detector runs once per domain, so that batch
    statistics are separate. The stage defines the active terms and their weights (:meth:`set_stage`).

    Args:
        backbone, neck, head, train_cfg, test_cfg, data_preprocessor, init_cfg, metainfo: As in
            ``TopdownPoseEstimator``.
        skeleton: Name, file or dict of the skeleton. Head, discriminator and losses use it, unless their configs state
            a skeleton or number of keypoints.
        losses: Config of each loss term by name. The attribute ``reads`` of a loss class is a key of
            :data:`mmxas.models.losses.routes.ROUTES`, which defines its inputs.
        loss_weights: Weights until a stage sets its own. Defaults to 1 for each of ``losses``.
        physique: Config of the physique network (skeleton mask to body mask), which mask losses need.
        discriminator: Config of the discriminator, which adversarial losses need; None for no discriminator.
        mask_size: Side m of drawn skeletons and compared masks. Defaults to None: the crop's side.
        line_width: Width of a drawn link (:func:`~mmxas.ops.skeleton_drawing.draw_skeleton`). Defaults to 3e-3.
        channels_last: Keep the weights and maps of backbone, neck, head and physique network in channels-last memory,
            for faster convolutions on a CPU, and in half precision on a GPU. ``BatchNorm2d`` is replaced by
            ``ChannelsLastBatchNorm2d``; derived classes, such as timm's, keep torch's statistics, which are less exact
            on such maps. Not supported with a sharded backbone. Defaults to False.
        grad_log_interval: Number of iterations between logs of the gradient norm of each term with respect to the
            detector's heatmaps (``grad/<term>``), which show terms without effect. 0 for never. Defaults to 50.

    Raises:
        ValueError: The keypoints of the head, the discriminator or a loss are not the skeleton's; a loss needs a
            missing component, has an unknown ``reads`` or a name that contains ``loss``; a ``test_cfg.decoding`` option
            is unknown or out of range; ``head`` sets ``align_corners``; or a size or width is not positive.
    """

    def __init__(self, backbone: dict, head: dict, skeleton: str | dict, neck: dict | None = None,
                 losses: Mapping[str, dict] | None = None, loss_weights: Mapping[str, float] | None = None,
                 physique: dict | None = None, discriminator: dict | None = None, mask_size: int | None = None,
                 line_width: float = 3e-3, channels_last: bool = False, grad_log_interval: int = 50,
                 train_cfg: dict | None = None, test_cfg: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None, metainfo: dict | None = None) -> None:
        if 'align_corners' in head:  # mmpose would pass it to a neck
            raise ValueError('model.head.align_corners: state it at the codec, model.head.decoder.align_corners')
        read: Skeleton = load_skeleton(skeleton)
        head = _handed(head, 'num_keypoints', read.num_keypoints)
        super().__init__(backbone=backbone, neck=neck, head=head, train_cfg=train_cfg, test_cfg=test_cfg,
                         data_preprocessor=data_preprocessor, init_cfg=init_cfg, metainfo=metainfo)
        self.skeleton = read
        given = getattr(self.head, 'num_keypoints', None)
        if given is None:
            raise ValueError(f'model.head is a {type(self.head).__name__}: a head with num_keypoints and decode_volume '
                             'is expected, such as MultiHypothesisHead')
        if given != self.skeleton.num_keypoints:
            raise ValueError(f'model.head.num_keypoints is {given}, but the skeleton {self.skeleton.name!r} has '
                             f'{self.skeleton.num_keypoints} keypoints')
        self.check_test_cfg()
        self.physique = MODELS.build(physique) if physique else None
        self.discriminator = None
        if discriminator:
            own = discriminator.get('num_keypoints') is not None
            self.discriminator = MODELS.build(
                discriminator if own else _with_skeleton(discriminator, read, 'model.discriminator'))
        judged = getattr(self.discriminator, 'num_keypoints', self.skeleton.num_keypoints)
        if judged != self.skeleton.num_keypoints:
            raise ValueError(f'model.discriminator judges poses of {judged} keypoints, but the skeleton '
                             f'{self.skeleton.name!r} has {self.skeleton.num_keypoints}')
        self.criteria = nn.ModuleDict({
            name: MODELS.build(_with_skeleton(cfg, read, f'model.losses.{name}'))
            for name, cfg in (losses or {}).items()})
        for name, criterion in self.criteria.items():
            self._check_loss(name, criterion)
        for name, values, dtype in (('drawn_links', self.skeleton.drawn_links, torch.int64),
                                    ('width_factors', self.skeleton.width_factors, torch.float64)):
            self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)
        check_positive(line_width, 'model.line_width')
        if mask_size is not None and (not isinstance(mask_size, int) or mask_size < 1):
            raise ValueError(f'model.mask_size: a side in px (1 or more) or None expected, got {mask_size!r}')
        self.mask_size, self.line_width, self.grad_log_interval = mask_size, line_width, grad_log_interval
        self.memory_format = torch.channels_last if channels_last else torch.preserve_format
        if channels_last:
            convert_batch_norm(self)
        self.to(memory_format=self.memory_format)
        self.set_stage(dict.fromkeys(self.criteria, 1.0) if loss_weights is None else loss_weights)

    def _check_loss(self, name: str, criterion: nn.Module) -> None:
        if 'loss' in name:  # mmengine sums all values with 'loss' in the name, also grad/<name>
            raise ValueError(f"model.losses: name {name!r} must not contain 'loss': the prefix is added automatically")
        check_reads(f'model.losses.{name}', criterion)
        require_same_skeleton(getattr(criterion, 'skeleton', self.skeleton), self.skeleton, f'model.losses.{name}')

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Map crops (N, 3, S, S) to feature maps, shallow to deep."""
        return super().extract_feat(inputs.to(memory_format=self.memory_format))

    # ------------------------------------------------------------------ stages

    def check_stage(self, loss_weights: Mapping[str, float]) -> None:
        """Raise unless each weighted term and its networks exist.

        Raises:
            ValueError: A term is unknown (the message lists the known ones), or its network is missing.
        """
        for name, weight in loss_weights.items():
            if name not in self.criteria:
                raise ValueError(f'loss_weights names {name!r}, but model.losses has: {", ".join(self.criteria)}')
            reads = self.criteria[name].reads
            if weight and reads == 'adversarial' and self.discriminator is None:
                raise ValueError(f'the loss {name!r} needs model.discriminator, which is None')
            if weight and getattr(self.criteria[name], 'physique_weight', 0) and self.physique is None:
                raise ValueError(f'the loss {name!r} has a physique_weight, but model.physique is None')

    def set_stage(self, loss_weights: Mapping[str, float]) -> None:
        """Set the weights of a stage. Terms without a weight, or with weight 0, are off."""
        self.check_stage(loss_weights)
        self.loss_weights = {name: float(w) for name, w in loss_weights.items() if w}

    def _is_on(self, reads: str) -> bool:
        return any(self.criteria[name].reads == reads for name in self.loss_weights)

    @property
    def domains(self) -> frozenset[str]:
        """The domains that the active terms need."""
        return frozenset(domain for name in self.loss_weights for domain in ROUTES[self.criteria[name].reads].domains)

    def idle_modules(self) -> set[str]:
        """Return the names of the child modules that no active term trains."""
        idle = set()
        if not any(getattr(self.criteria[name], 'physique_weight', 0) for name in self.loss_weights):
            idle.add('physique')
        if not self._is_on('adversarial'):
            idle.add('discriminator')
        return idle

    # ---------------------------------------------------------------- training

    def loss(self, inputs: Tensor, data_samples: Sequence) -> dict[str, Tensor]:
        """Return the weighted terms of eq. 17 and the discriminator's loss (eq. 14).

        Args:
            inputs: Normalised crops (N, 3, S, S).
            data_samples: N samples, each with a ``domain``.

        Returns:
            ``loss_<term>`` for each active term; ``loss_discriminator``; ``grad/<term>`` every ``grad_log_interval``.

        Raises:
            FloatingPointError: A term is not finite; the message lists the batch's files.
            ValueError: A loss reads masks, but a target sample has none or one of another size than the first one; a
                discriminator is trained, but no synthetic pose is complete; or no loss can be computed from the batch.
        """
        synthetic = [i for i, s in enumerate(data_samples) if s.metainfo.get('domain') == 'synthetic']
        target = [i for i, s in enumerate(data_samples) if s.metainfo.get('domain') != 'synthetic']
        terms: dict[str, Tensor] = {}
        heatmaps: list[Tensor] = []
        labels = poses = None
        if target and 'target' in self.domains:
            poses, _ = self._detect(self.extract_feat(inputs[_block(target)]), heatmaps)
        if synthetic and 'synthetic' in self.domains:
            labels, weights = stack_labels([data_samples[i] for i in synthetic], self.head.num_keypoints)
            terms.update(self._synthetic_terms(inputs[_block(synthetic)], upload(labels, inputs.device),
                                               upload(weights, inputs.device), heatmaps))
        own = {}
        if poses is not None:
            terms.update(self._target_terms(poses, [data_samples[i] for i in target], inputs.shape[-1]))
            if labels is not None and self._is_on('adversarial'):
                adversarial, own = self._adversarial_terms(poses, upload(self._whole(labels, weights), inputs.device))
                terms.update(adversarial)
        if not terms:
            raise ValueError(f'the batch has {len(target)} target and {len(synthetic)} synthetic samples: none of '
                             f'the losses {", ".join(self.loss_weights)} can be computed from it')
        losses = {f'loss_{name}': self.loss_weights[name] * value for name, value in terms.items()}
        losses.update(own)
        self._check_finite(losses, data_samples)
        losses.update(self._gradient_norms(losses, heatmaps))
        if (idle := self._touch_idle()) is not None:
            losses['loss_idle'] = idle
        return losses

    def _terms(self, reads: str) -> list[str]:
        return [name for name in self.loss_weights if self.criteria[name].reads == reads]

    def _computed(self, reads: str, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Compute the active terms with this ``reads``, from the inputs given by the table of routes."""
        return {name: self.criteria[name](*(inputs[what] for what in ROUTES[reads].inputs))
                for name in self._terms(reads)}

    def _detect(self, features: Sequence[Tensor], heatmaps: list[Tensor]) -> tuple[Hypotheses, Marginals]:
        heatmaps.append(self.head(features))
        return self.head.decode_volume(heatmaps[-1])

    def _synthetic_terms(self, crops: Tensor, labels: Tensor, weights: Tensor, heatmaps: list[Tensor]
                         ) -> dict[str, Tensor]:
        if not (self._is_on('labels') or self._is_on('features')):
            return {}
        inputs = dict(features=self.extract_feat(crops), labels=labels, weights=weights)
        terms = self._computed('features', inputs)
        hypotheses, marginals = self._detect(inputs['features'], heatmaps)
        terms.update(self._computed('labels', dict(inputs, hypotheses=hypotheses, marginals=marginals)))
        return terms

    def _target_terms(self, poses: Hypotheses, samples: Sequence, crop_size: int) -> dict[str, Tensor]:
        inputs: dict[str, Any] = dict(hypotheses=poses)
        terms = self._computed('pose', inputs)
        if self._is_on('target_labels'):
            labels, weights = (
                upload(x, poses.keypoints.device) for x in stack_labels(samples, self.head.num_keypoints))
            terms.update(self._computed('target_labels', dict(inputs, labels=labels, weights=weights)))
        if self._is_on('mask'):
            drawn = self.draw(poses.keypoints[:, 0, :, :2], self.mask_size or crop_size)
            masks = upload(stack_masks(samples), drawn.device).to(drawn.dtype)
            masks = F.interpolate(masks, drawn.shape[-2:], mode='area')
            body = None if self.physique is None else self.physique(drawn)
            terms.update(self._computed('mask', dict(drawn=drawn, body=body, masks=masks)))
        return terms

    def draw(self, keypoints: Tensor, size: int) -> Tensor:
        """Return the skeleton mask (N, 1, size, size) of crop-normalised x, y (N, K, 2)."""
        return draw_skeleton(keypoints, self.drawn_links, size, width=self.line_width,
                             width_factors=self.width_factors, align_corners=self.head.align_corners)

    def _adversarial_terms(self, poses: Hypotheses, labels: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the detector's generator terms and the discriminator's loss.

        Generator terms use detached parameters of the discriminator, and the discriminator's loss uses detached poses,
        so that one backward pass gives separate gradients.
        """
        n, h, k, _ = poses.keypoints.shape
        root = self.skeleton.root
        fake = poses.keypoints - poses.keypoints[:, :, root:root + 1]
        real = (labels - labels[:, root:root + 1]).to(fake)
        frozen = {name: p.detach() for name, p in self.discriminator.named_parameters()}
        judged = functional_call(self.discriminator, frozen, (fake.reshape(n * h, k, 3),)).view(n, h)
        # Two calls, so that a discriminator that normalises over a whole call does not mix real and fake poses.
        real_scores = self.discriminator(real).squeeze(-1)
        fake_scores = self.discriminator(fake.detach().reshape(n * h, k, 3)).view(n, h)
        generator, own = {}, {}
        for name in self._terms('adversarial'):
            loss = self.criteria[name]
            generator[name] = loss.generator(judged, poses.valid)
            own[f'loss_discriminator_{name}'] = loss.discriminator(fake_scores, real_scores, poses.valid)
        return generator, own

    @staticmethod
    def _whole(labels: Tensor, weights: Tensor) -> Tensor:
        """Return the poses with all keypoints labelled, as a discriminator would learn the fill value of others."""
        whole = labels[(weights != 0).all(dim=1)]
        if not len(whole):
            raise ValueError(f'none of {len(labels)} synthetic poses has all its keypoints labelled: the discriminator '
                             'needs whole poses')
        return whole

    def _touch_idle(self) -> Tensor | None:
        """Return a zero that depends on all parameters without a term (None if there are none), as DDP requires."""
        idle = [p.sum() for name in sorted(self.idle_modules()) if getattr(self, name, None) is not None
                for p in getattr(self, name).parameters() if p.requires_grad]
        return 0.0 * torch.stack(idle).sum() if idle else None

    def _gradient_norms(self, losses: Mapping[str, Tensor], heatmaps: Sequence[Tensor]) -> dict[str, Tensor]:
        iteration = MessageHub.get_current_instance().get_info('iter', 0) or 0
        if not self.grad_log_interval or (iteration + 1) % self.grad_log_interval:
            return {}
        norms, scale = {}, FLOAT16_SCALE if any(x.dtype == torch.float16 for x in heatmaps) else 1.0
        for name in self.loss_weights:
            value = losses.get(f'loss_{name}')
            if value is None:
                continue
            grads = torch.autograd.grad(value * scale, heatmaps, retain_graph=True, allow_unused=True) \
                if value.requires_grad else ()
            squares = [(g.float() / scale).pow(2).sum() for g in grads if g is not None]
            norms[f'grad/{name}'] = torch.stack(squares).sum().sqrt() if squares else value.new_zeros(())
        return norms

    @staticmethod
    def _check_finite(losses: Mapping[str, Tensor], data_samples: Sequence) -> None:
        if not torch.stack([value.isfinite() for value in losses.values()]).all():  # one synchronisation with a GPU
            bad = [f'{name} = {value.item()}' for name, value in losses.items() if not torch.isfinite(value)]
            files = ', '.join(str(s.metainfo.get('img_path') or s.metainfo.get('sample_name')) for s in data_samples)
            raise FloatingPointError(f'{"; ".join(bad)}: training stops before the step that would spoil the weights. '
                                     f'The batch: {files}')


def _block(indices: list[int]) -> slice | list[int]:
    """Return adjacent indices as a slice, which avoids copying a list of indices to a GPU and waiting for it."""
    first, count = indices[0], len(indices)
    return slice(first, first + count) if indices == list(range(first, first + count)) else indices


def _handed(config: Mapping[str, Any], argument: str, value: Any) -> Mapping[str, Any]:
    """Return a component's config, with an argument added that it takes but does not set."""
    if config.get(argument) is None and component_takes(config.get('type'), argument, (MODELS, )):
        return {**config, argument: value}
    return config


def _with_skeleton(config: Mapping[str, Any], skeleton: Skeleton, where: str) -> Mapping[str, Any]:
    """Return a component's config with the model's skeleton, if it takes one; raise if it sets a different one."""
    if config.get('skeleton') is not None:
        require_same_skeleton(load_skeleton(config['skeleton']), skeleton, where)
    return _handed(config, 'skeleton', skeleton)
