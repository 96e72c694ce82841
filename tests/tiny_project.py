"""A complete training in little: a model, a data set, a metric, and a config that names them.

A process that reads the config needs this folder on its path.
"""
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmpose.registry import DATASETS, METRICS, MODELS
from torch.utils.data import Dataset

CONFIG = """
_base_ = ['{base}']
custom_imports = dict(imports=['mmxas', 'tiny_project'], allow_failed_imports=False)
model = dict(type='TinyModel')
train_dataloader = dict(
    batch_size=2, num_workers=0, dataset=dict(type='TinyDataset'), sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=2, num_workers=0, dataset=dict(type='TinyDataset'), sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='TinyMetric')
test_evaluator = val_evaluator
train_cfg = dict(by_epoch=True, max_epochs={epochs}, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
auto_scale_lr = dict(base_batch_size=1)
randomness = dict(seed=1)
"""


@DATASETS.register_module()
class TinyDataset(Dataset):
    """Eight points on a line, and the sums of their coordinates."""

    metainfo = dict(dataset_name='tiny')

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict:
        point = torch.full((3,), index / 8)
        return dict(inputs=point, data_samples=point.sum())


@MODELS.register_module()
class TinyModel(BaseModel):
    """A linear layer that learns the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, inputs: list[torch.Tensor], data_samples: list[torch.Tensor], mode: str = 'tensor'):
        """Loss or absolute errors."""
        difference = self.layer(torch.stack(inputs))[:, 0] - torch.stack(data_samples)
        if mode == 'loss':
            return dict(loss=difference.square().mean())
        return [dict(error=float(error)) for error in difference.abs()]


@METRICS.register_module()
class TinyMetric(BaseMetric):
    """Mean absolute error."""

    default_prefix = 'tiny'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Collect the errors of a batch."""
        self.results += [sample['error'] for sample in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Their mean."""
        return dict(error=sum(results) / len(results))


def write_tiny_config(folder: Path, base: str = 'mmxas::_base_/default_runtime.py', epochs: int = 2) -> Path:
    """Write the config.

    Args:
        folder: Where to.
        base: What it inherits: an absolute path or ``mmxas::...``.
        epochs: Length of the training.

    Returns:
        Its path.
    """
    config = folder / 'tiny.py'
    config.write_text(CONFIG.format(base=base, epochs=epochs))
    return config
