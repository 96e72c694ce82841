"""A config goes through training and testing, by the project's tools and by mmpose's own."""
import json
import pickle
import re
from pathlib import Path

import cv2
import mmpose
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmxas.compat import mmcv_ops

from .tiny_mocap import ToolRun, tiny_config, write_config

MMPOSE_TOOLS = Path(mmpose.__file__).parent / '.mim' / 'tools'
EPOCHS = {'train_cfg.stages.0.epochs': 1, 'train_cfg.stages.1.epochs': 1}
VALIDATE = {'train_cfg.val_begin': 1, 'train_cfg.val_interval': 1}


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory) -> Path:
    """Work directory of a training that chose its best checkpoint without any label."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = tiny_config(data)
    cfg.val_dataloader.dataset.with_labels = False
    cfg.val_evaluator = dict(type='MaskIoUMetric')
    cfg.default_hooks.checkpoint.update(save_best='xas/mask_iou', rule='greater', max_keep_ckpts=1)
    cfg.vis_backends.append(dict(type='TensorboardVisBackend'))
    cfg.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))
    config = write_config(cfg, folder, EPOCHS | VALIDATE)
    ToolRun('train.py', [config, '--work-dir', folder, '--amp'], folder / 'log').check()
    return folder


def test_training_shows_curves_and_pictures_and_keeps_the_best(trained):
    events = EventAccumulator(str(next(trained.rglob('events.out.tfevents*')).parent))
    events.Reload()
    tags = events.Tags()
    wanted = ['loss_render', 'loss_mask', 'loss_adversarial', 'loss_discriminator_adversarial', 'grad/render',
              'grad/mask', 'grad/adversarial', 'lr', 'xas/mask_iou']
    assert set(wanted) <= set(tags['scalars'])
    assert tags['images']
    scores = [event.value for event in events.Scalars('xas/mask_iou')]
    best = [path.name for path in trained.glob('best_*.pth')]
    assert best == [f'best_xas_mask_iou_epoch_{1 + scores.index(max(scores))}.pth']
    assert [path.name for path in trained.glob('epoch_*.pth')] == ['epoch_2.pth']
    assert list(trained.glob('.*')) == []
    info = torch.load(trained / 'epoch_2.pth')['message_hub']['runtime_info']
    assert info['best_score'] == pytest.approx(max(scores), abs=1e-6)


def test_testing_writes_metrics_predictions_and_pictures(trained, tmp_path):
    checkpoint, out, dump = trained / 'epoch_2.pth', tmp_path / 'metrics.json', tmp_path / 'predictions.pkl'
    run = ToolRun('test.py', [trained / 'config.py', checkpoint, '--work-dir', tmp_path, '--out', out, '--dump', dump,
                              '--show-dir', tmp_path / 'pictures', '--interval', '3'], tmp_path / 'log')
    run.check()
    metrics = json.loads(out.read_text())
    for pose in ('mean_pose', 'top1', 'best_of_h_per_pose', 'best_of_h_per_joint'):
        for group in ('', 'ood/'):
            errors = [metrics[f'xas/{group}{pose}/{name}'] for name in ('MPJPE', 'N-MPJPE', 'P-MPJPE')]
            assert all(0 < error < 2000 for error in errors)
    assert metrics['xas/best_of_h_per_pose/MPJPE'] <= metrics['xas/top1/MPJPE']
    assert re.search(r'held_out +\| +4 ', run.output())
    samples = pickle.loads(dump.read_bytes())
    assert len(samples) == 8
    assert samples[0]['pred_instances']['hypotheses'].shape == (1, 3, 18, 3)
    pictures = sorted((tmp_path / 'pictures').iterdir())
    assert [path.name[:6] for path in pictures] == ['000000', '000003', '000006']
    assert min(cv2.imread(str(pictures[0])).shape[:2]) > 100


@pytest.mark.slow
def test_mmposes_own_tools_train_and_test_the_config(data, tmp_path):
    """Unmodified, started after ``import mmxas``, with mmcv-lite, and with the recipe's own backbone."""
    assert mmcv_ops.is_placeholder() or mmcv_ops.has_compiled_ops()
    cfg = tiny_config(data, backbone=dict(pretrained=False, drop_path_rate=0.0))
    config = write_config(cfg, tmp_path, EPOCHS | VALIDATE | {'train_cfg.val_interval': 2})
    ToolRun(MMPOSE_TOOLS / 'train.py', [config, '--work-dir', tmp_path, '--no-validate'], tmp_path / 'log').check()
    checkpoint, out = tmp_path / 'epoch_2.pth', tmp_path / 'metrics.json'
    assert torch.load(checkpoint)['meta']['iter'] == 8
    arguments = [config, checkpoint, '--work-dir', tmp_path, '--out', out, '--dump', tmp_path / 'all.pkl']
    ToolRun(MMPOSE_TOOLS / 'test.py', arguments, tmp_path / 'log').check()
    assert json.loads(out.read_text())['xas/top1/MPJPE'] > 0
    assert len(pickle.loads((tmp_path / 'all.pkl').read_bytes())) == 8
