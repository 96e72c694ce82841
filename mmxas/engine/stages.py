"""Training stages: losses, number of epochs and learning rate (paper, appendix C.1)."""
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stage:
    """One stage of a training run.

    Args:
        name: Shown in the log.
        epochs: Length, at least 1.
        lr: Learning rate at the start of the stage.
        loss_weights: Weight of every active loss term; other terms are off.
        schedule: ``'step'`` (divided by 10 at each of ``milestones``), ``'cosine'`` (to ``min_lr``), ``'linear'``
            (constant until ``decay_begin``, then straight to ``min_lr``) or ``'constant'``.
        milestones: Epochs within the stage. Defaults to none.
        min_lr: Final learning rate of ``'cosine'`` and ``'linear'``. Defaults to 0.
        decay_begin: Fraction of the stage after which ``'linear'`` decays, in [0, 1). Defaults to 0.7.
        warmup_iters: Iterations of linear warm-up from a hundredth of the rate. Defaults to 0.

    Raises:
        ValueError: ``epochs`` is below 1, ``lr`` is not positive, there is no loss, a weight is negative or not a
            number, the schedule is unknown, milestones lie outside the stage or the schedule is not ``'step'``, or
            ``decay_begin`` is outside [0, 1).
    """
    name: str
    epochs: int
    lr: float
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    schedule: str = 'constant'
    milestones: Sequence[int] = ()
    min_lr: float = 0.0
    decay_begin: float = 0.7
    warmup_iters: int = 0

    def __post_init__(self) -> None:
        if not _is_number(self.epochs) or int(self.epochs) != self.epochs or self.epochs < 1:
            raise ValueError(f'stage {self.name!r}: epochs={self.epochs!r}, a whole number of at least 1 is expected')
        if not _is_number(self.lr) or not self.lr > 0:
            raise ValueError(f'stage {self.name!r}: lr={self.lr!r}, a positive learning rate is expected')
        if not isinstance(self.loss_weights, Mapping):
            raise ValueError(f'stage {self.name!r}: loss_weights={self.loss_weights!r}, dict(term=weight) is expected')
        for term, weight in self.loss_weights.items():
            if not _is_number(weight) or weight < 0:
                raise ValueError(f'stage {self.name!r}: the weight of {term!r} is {weight!r}, a number of at least 0 '
                                 'is expected')
        if not any(self.loss_weights.values()):
            raise ValueError(f'stage {self.name!r}: no loss is on; loss_weights names the terms and their weights')
        if self.schedule not in ('step', 'cosine', 'linear', 'constant'):
            raise ValueError(f'stage {self.name!r}: schedule={self.schedule!r}; step, cosine, linear or constant is '
                             'expected')
        self._check_milestones()
        if not 0 <= self.decay_begin < 1:
            raise ValueError(f'stage {self.name!r}: decay_begin={self.decay_begin}, a part in [0, 1) is expected')

    def _check_milestones(self) -> None:
        if not isinstance(self.milestones, Sequence):
            raise ValueError(f'stage {self.name!r}: milestones={self.milestones!r}, a tuple of epochs is expected')
        if self.milestones and self.schedule != 'step':
            raise ValueError(f"stage {self.name!r}: milestones go with schedule='step', not {self.schedule!r}")
        for epoch in self.milestones:
            if not _is_number(epoch) or not 0 < epoch < self.epochs:
                raise ValueError(f'stage {self.name!r}: the milestone {epoch!r} is not within its {self.epochs} epochs')

    def lr_at(self, iteration: int, iters_per_epoch: int) -> float:
        """Return the learning rate at an iteration of this stage in closed form, so that resuming needs no history."""
        warmup = 1.0
        if iteration < self.warmup_iters:
            warmup = 0.01 + 0.99 * iteration / self.warmup_iters
        if self.schedule == 'step':
            passed = sum(iteration >= m * iters_per_epoch for m in self.milestones)
            return self.lr * warmup * 0.1 ** passed
        if self.schedule == 'cosine':
            total = max(self.epochs * iters_per_epoch - 1, 1)
            cosine = 0.5 * (1 + math.cos(math.pi * min(iteration / total, 1.0)))
            return warmup * (self.min_lr + (self.lr - self.min_lr) * cosine)
        if self.schedule == 'linear':
            done = iteration / max(self.epochs * iters_per_epoch - 1, 1)
            left = min(1.0, max(0.0, (1.0 - done) / (1.0 - self.decay_begin)))
            return warmup * (self.min_lr + (self.lr - self.min_lr) * left)
        return self.lr * warmup


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def parse_stages(stages: Sequence[Mapping | Stage]) -> tuple[Stage, ...]:
    """Convert config dicts to stages.

    Raises:
        ValueError: ``stages`` is not a list of dicts, two stages share a name, or a field is unknown or missing.
    """
    if not stages:
        raise ValueError('train_cfg.stages is empty: declare at least one stage')
    if not isinstance(stages, list | tuple):
        raise ValueError(f'train_cfg.stages is a {type(stages).__name__}: a list of stages is expected')
    known = Stage.__dataclass_fields__
    parsed = []
    for number, cfg in enumerate(stages, start=1):
        if not isinstance(cfg, Mapping | Stage):
            raise ValueError(f'train_cfg.stages: stage {number} is {cfg!r}; dict(name=…, epochs=…, lr=…, '
                             'loss_weights=…) expected')
        if not isinstance(cfg, Stage):
            unknown = sorted(set(cfg) - set(known))
            if unknown:
                raise ValueError(f'stage {cfg.get("name")!r}: unknown field {unknown[0]!r}; known: {", ".join(known)}')
            for name in ('name', 'epochs', 'lr'):
                if name not in cfg:
                    raise ValueError(f'stage {cfg.get("name", len(parsed) + 1)!r}: {name} is missing')
            cfg = Stage(**cfg)
        parsed.append(cfg)
    names = [s.name for s in parsed]
    if len(set(names)) != len(names):
        raise ValueError(f'train_cfg.stages: the names {names} are not unique')
    return tuple(parsed)


def stage_at(stages: Sequence[Stage], epoch: int) -> tuple[int, Stage]:
    """Return the stage that an epoch (from 0) belongs to, and the stage's first epoch.

    Raises:
        ValueError: The epoch is after the last stage.
    """
    begin = 0
    for stage in stages:
        if epoch < begin + stage.epochs:
            return begin, stage
        begin += stage.epochs
    raise ValueError(f'epoch {epoch} is after the last stage, which ends at {begin}')
