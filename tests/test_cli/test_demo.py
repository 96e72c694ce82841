"""The demo from rendering to the table, in little."""
import json
from pathlib import Path

import cv2
import pytest

from mmxas.cli.demo import collect, run_demo, summary

RESULTS = {f'xas/{row}/{metric}': 10.0 * i + j
           for i, row in enumerate(('mean_pose', 'top1', 'best_of_h_per_pose', 'best_of_h_per_joint'))
           for j, metric in enumerate(('MPJPE', 'N-MPJPE', 'P-MPJPE'))}
CONFIG = """
_base_ = '{base}'
body = [dict(type='SMPLBodyModel', gender='neutral')]
generator = dict(body_model=body, image_size=48)
model = dict(backbone=dict(pretrained=False), mask_size=24)
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(
    length=None,
    synthetic=dict(data_root='{root}/synthetic', num=8, generator=generator),
    target=dict(data_root='{root}/mocap', num=8, generator=generator)))
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{root}/mocap', num=4, generator=generator))
test_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                       dataset=dict(data_root='{root}/mocap', num=4, generator=generator))
train_cfg = dict(stages=[
    dict(name='synthetic', epochs=1, lr=1e-3, loss_weights=dict(render=1.0)),
    dict(name='full', epochs=1, lr=1e-4, loss_weights=dict(render=1.0, mask=0.1, adversarial=0.01))])
"""


def test_collect_and_summary():
    metrics = {**collect(RESULTS), 'seconds': dict(total=61.0)}
    assert metrics['top1'] == {'MPJPE': 10.0, 'N-MPJPE': 11.0, 'P-MPJPE': 12.0}
    metrics['mean_pose']['MPJPE'] = 40.0
    text = summary(metrics, Path('w'), Path('w/p.png'), 'mmxas train full.py')
    assert 'top-1 / mean pose: 0.25; 61 s in all' in text
    assert text.splitlines()[-1].endswith('mmxas train full.py')


def test_a_missing_number_is_named():
    with pytest.raises(KeyError, match='xas/best_of_h_per_pose/MPJPE'):
        collect({k: v for k, v in RESULTS.items() if 'best_of_h_per_pose/MPJPE' not in k})


@pytest.mark.slow
def test_demo_in_little(tmp_path):
    base = Path(__file__).parents[2] / 'configs' / 'xas_mocap.py'
    config = tmp_path / 'tiny.py'
    config.write_text(CONFIG.format(base=base, root=tmp_path / 'data'), encoding='utf-8')
    text = run_demo(config, tmp_path / 'work', 'the full recipe', num_pictures=1)
    metrics = json.loads((tmp_path / 'work' / 'metrics.json').read_text())
    assert set(metrics) == {'mean_pose', 'top1', 'best_of_h_per_pose', 'best_of_h_per_joint', 'seconds'}
    assert set(metrics['seconds']) == {'render', 'train', 'test', 'draw', 'total'}
    for metric in ('MPJPE', 'P-MPJPE'):
        assert metrics['best_of_h_per_joint'][metric] <= metrics['top1'][metric] + 1e-6 or metric == 'P-MPJPE'
        assert metrics['best_of_h_per_pose'][metric] <= metrics['top1'][metric]
    assert 200 < metrics['mean_pose']['MPJPE'] < 350, 'the committed mean pose against running and dancing people'
    picture = cv2.imread(str(tmp_path / 'work' / 'hypotheses.png'))
    assert picture is not None and picture.shape[1] > 600
    assert str(tmp_path / 'work' / 'hypotheses.png') in text
