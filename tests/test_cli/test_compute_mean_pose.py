import json

import numpy as np
import pytest

from mmxas.evaluation.mean_pose import load_mean_pose
from mmxas.structures import load_skeleton
from mmxas.synthesis.shards import PairWriter, SetMeta, SyntheticPair, encode

CONFIG = "train_dataloader = dict(dataset=dict(target=dict(type='MocapHuman', split='train', data_root='{root}')))\n" \
         "model = dict(skeleton='h36m18')\n"


@pytest.fixture
def config(tmp_path):
    """A config with a target set of two poses."""
    poses = [np.random.default_rng(i).normal(0, 300, (18, 3)).astype(np.float32) + [0, 0, 4000] for i in range(2)]
    black = np.zeros((16, 16), np.uint8)
    pairs = [SyntheticPair(
        image=np.zeros((16, 16, 3), np.uint8), mask=black, keypoints_cam=pose, K=np.eye(3, dtype=np.float32),
        bbox=np.array([0, 0, 8, 8], np.float32), clip='walk', frame=0, yaw=0.0, body=0,
        pose=np.zeros((24, 3), np.float32), betas=np.zeros(10, np.float32)) for pose in poses]
    writer = PairWriter(tmp_path / 'mocap' / 'train', SetMeta(
        num=2, shard_size=2, seed=0, quality=95, fingerprint='test', generator={}))
    writer.write(0, [encode(pair, 95) for pair in pairs])
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(root=tmp_path / 'mocap'))
    return path, np.stack(poses)


def test_mean_of_the_training_labels_is_written(config, load_command, tmp_path, capsys):
    path, poses = config
    out = tmp_path / 'mean.json'
    load_command('compute_mean_pose').main([str(path), '--out', str(out)])
    centred = poses - poses[:, :1]
    assert np.allclose(load_mean_pose(out, load_skeleton('h36m18')), centred.mean(0), atol=0.01)
    assert json.loads(out.read_text())['source'].startswith("2 labels of MocapHuman {'split': 'train'")
    assert 'mean of 2 poses' in capsys.readouterr().out


def test_mistakes_of_the_command_line_are_named(config, load_command, tmp_path, capsys):
    main, out = load_command('compute_mean_pose').main, ['--out', str(tmp_path / 'mean.json')]
    assert main(['gone.py', *out]) == 2
    assert capsys.readouterr().err == 'mmxas mean-pose: gone.py: no such config file\n'
    with pytest.raises(SystemExit):
        main([str(config[0]), *out, '--cfg-options', 'a'])
    assert '--cfg-options a: expected KEY=VALUE' in capsys.readouterr().err


def test_missing_data_set_is_named(config, load_command, tmp_path, capsys):
    arguments = [str(config[0]), '--out', str(tmp_path / 'mean.json'), '--dataset', 'val_dataloader.dataset']
    assert load_command('compute_mean_pose').main(arguments) == 2
    assert "no val_dataloader.dataset ('val_dataloader' is missing)" in capsys.readouterr().err
