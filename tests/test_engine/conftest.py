"""A runner of a tiny estimator on samples in memory."""
import itertools

import pytest
import torch
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from test_models.conftest import SIZE, data_sample, estimator_config
from torch.utils.data import Dataset

from mmxas.datasets.datasets import MixedDataset
from mmxas.datasets.datasets.paired_dataset import DOMAINS
from mmxas.registry import DATASETS

_NUMBERS = itertools.count()
STAGES = [
    dict(name='synthetic', epochs=2, lr=0.01, schedule='step', milestones=(1, ), loss_weights=dict(render=1.0)),
    dict(name='full', epochs=1, lr=0.002, loss_weights=dict(render=0.5, mask=1.0, adversarial=1.0)),
]


class PipelineInMemory(Dataset):
    """One sample that nobody reads, behind a pipeline that somebody looks at."""

    metainfo = dict(num_keypoints=18)

    def __init__(self, steps: list[dict]) -> None:
        self.pipeline = Compose(steps)

    def __len__(self) -> int:
        return 1


@DATASETS.register_module(force=True)
class PairsInMemory(Dataset):
    """Eight pairs of noise with masks and labels, in the interface of ``PairedDataset``; targets are ``labelled`` too
    or not."""

    def __init__(self, num_keypoints: int = 18, domains: tuple[str, ...] = DOMAINS, labelled: bool = False,
                 masks: bool = True, align_corners: bool = False) -> None:
        self.metainfo, self.domains, self.active = dict(num_keypoints=num_keypoints), domains, domains
        self.labelled, self.masks = labelled, masks
        encoder = dict(type='NormCodec', align_corners=align_corners)
        self.parts = {'synthetic': MixedDataset([PipelineInMemory([dict(type='GenerateNormTarget', encoder=encoder)])])}

    def activate(self, domains) -> None:
        """Load these domains from now on."""
        if not set(domains) <= set(self.domains):
            raise ValueError(f'a loss needs {sorted(set(domains) - set(self.domains))} samples')
        self.active = tuple(d for d in self.domains if d in domains)

    def __len__(self) -> int:
        return 8

    def __getitem__(self, key) -> list[dict]:
        index = key[0] if isinstance(key, tuple) else key
        noise = torch.Generator().manual_seed(index)
        image = torch.randint(0, 256, (3, SIZE, SIZE), generator=noise, dtype=torch.uint8)
        samples = [data_sample(domain, index, domain == 'synthetic' or self.labelled) for domain in self.active]
        if not self.masks:
            for sample in samples:
                del sample.gt_fields
        return [dict(inputs=image, data_samples=sample) for sample in samples]


class Record(Hook):
    """What each iteration saw and moved."""

    def __init__(self) -> None:
        self.iterations: list[dict] = []

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Before the step."""
        self.iterations.append(dict(
            iter=runner.iter, batch_idx=batch_idx, lr=runner.optim_wrapper.get_lr()['lr'][0],
            domains={s.metainfo['domain'] for s in data_batch['data_samples']},
            images=sorted({s.metainfo['img_path'] for s in data_batch['data_samples']}),
            before={n: p.detach().clone() for n, p in runner.model.named_parameters()}))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Behind the step."""
        record = self.iterations[-1]
        before = record.pop('before')
        record['losses'] = {n for n, v in outputs.items() if n.startswith('loss_') and n != 'loss_idle'}
        record['moved'] = {n.split('.')[0] for n, p in runner.model.named_parameters() if not torch.equal(p, before[n])}


@pytest.fixture
def make_runner(tmp_path):
    """Builder of runners: ``make_runner(model=dict(...), data=dict(...), train_cfg=dict(...), **runner_arguments)``.

    Its ``record`` is a :class:`Record`.
    """

    def make(model: dict | None = None, data: dict | None = None, train_cfg: dict | None = None, batch_size: int = 4,
             hooks: dict | None = None, sampler: str = 'SeededSampler', seed: int = 0, **arguments) -> Runner:
        preprocessor = dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3)
        default_hooks = dict.fromkeys(('timer', 'logger', 'checkpoint'))
        arguments.setdefault('optim_wrapper', dict(optimizer=dict(type='Adam', lr=0.01)))
        torch.manual_seed(0)
        runner = Runner(
            model=estimator_config(data_preprocessor=preprocessor, **(model or {})), work_dir=str(tmp_path),
            train_dataloader=dict(
                batch_size=batch_size, num_workers=0, sampler=dict(type=sampler),
                collate_fn=dict(type='collate_pairs'), dataset={'type': 'PairsInMemory', **(data or {})}),
            train_cfg=dict(type='StagedTrainLoop', **dict(dict(stages=STAGES), **(train_cfg or {}))),
            default_hooks={**default_hooks, **(hooks or {})}, default_scope='mmpose', randomness=dict(seed=seed),
            log_level='WARNING', experiment_name=f'loop_{next(_NUMBERS)}', **arguments)
        runner.record = Record()
        runner.register_hook(runner.record, priority='LOWEST')
        return runner

    with DefaultScope.overwrite_default_scope('mmpose'):
        yield make
