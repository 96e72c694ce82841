"""A complete training in little: a model, a data set and a metric that need nothing but mmengine."""
from pathlib import Path

CONFIG = '''
_base_ = ['{base}']
custom_imports = dict(imports=['tiny_project_components'], allow_failed_imports=False)
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
'''

COMPONENTS = '''
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from mmpose.registry import DATASETS, METRICS, MODELS


@DATASETS.register_module()
class TinyDataset(Dataset):
    METAINFO = dict(dataset_name='tiny')
    metainfo = METAINFO

    def __len__(self):
        return 8

    def __getitem__(self, index):
        x = torch.full((3,), float(index)) / 8
        return dict(inputs=x, data_samples=x.sum())


@MODELS.register_module()
class TinyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        prediction = self.layer(torch.stack(list(inputs)) if isinstance(inputs, (list, tuple)) else inputs)[:, 0]
        target = torch.as_tensor(data_samples)
        if mode == 'loss':
            return dict(loss=(prediction - target).square().mean())
        return [dict(error=float(e)) for e in (prediction - target).abs()]


@METRICS.register_module()
class TinyMetric(BaseMetric):
    default_prefix = 'tiny'

    def process(self, data_batch, data_samples):
        self.results += [sample['error'] for sample in data_samples]

    def compute_metrics(self, results):
        return dict(error=sum(results) / len(results))
'''


def write_tiny_project(folder: Path, base: str, epochs: int = 2) -> Path:
    """Write the config, and its components as a module beside it.

    Args:
        folder: Put it on ``PYTHONPATH`` of the process that reads the config.
        base: What the config inherits: an absolute path or ``mmxas::...``.
        epochs: Length of the training.

    Returns:
        The config's path.
    """
    (folder / 'tiny_project_components.py').write_text(COMPONENTS)
    config = folder / 'tiny.py'
    config.write_text(CONFIG.format(base=base, epochs=epochs))
    return config
