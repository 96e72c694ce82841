"""Training stages as data: which losses are on, for how many epochs, at what learning rate (paper, appendix C.1)."""
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
        loss_weights: Weight of every loss term that is on; a term that is not named is off.
        schedule: ``'step'`` (divided by 10 at each of ``milestones``), ``'cosine'`` (to ``min_lr``), ``'linear'``
            (constant until ``decay_begin``, then straight to ``min_lr``) or ``'constant'``.
        milestones: Epochs within the stage. Defaults to none.
        min_lr: The cosine's or the line's end. Defaults to 0.
        decay_begin: Part of the stage after which the line falls, in [0, 1). Defaults to 0.7.
        warmup_iters: Iterations of a linear rise from a hundredth at the start of the stage. Defaults to 0.

    Raises:
        ValueError: A length below 1, a rate that is not a positive number, no loss, a weight that is none, an unknown
            schedule, milestones that are not within the stage or have no ``'step'``, or ``decay_begin`` outside [0, 1).
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
        """Learning rate at an iteration of this stage, a closed form, so that resuming needs no history."""
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
    """Config dicts to stages.

    Raises:
        ValueError: No list of stages, no dict in it, two of one name, or a field that is unknown or missing (named).
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
    """The stage that an epoch (from 0) belongs to, and the epoch it began at.

    Raises:
        ValueError: The epoch lies behind the last stage.
    """
    begin = 0
    for stage in stages:
        if epoch < begin + stage.epochs:
            return begin, stage
        begin += stage.epochs
    raise ValueError(f'epoch {epoch} lies behind the last stage, which ends at {begin}')
