"""The command line; runs in processes of their own, one of which is killed."""
import json
import signal

import pytest
from test_runs.tiny_mocap import ToolRun, read_losses, write_config
from tiny_photos import NUM, photo_config, write_detector, write_photos

from mmxas.errors import UsageError

CONTROL = ['train_cfg.stages.0.loss_weights.mask=0', 'train_cfg.stages.0.loss_weights.adversarial=0']


@pytest.fixture(scope='module')
def setup(tmp_path_factory):
    """Arguments of an adaptation without its images, and a folder with ``photos``."""
    root = tmp_path_factory.mktemp('tool_adapt')
    cfg = photo_config(root / 'data')
    config, weights = write_detector(cfg, root)
    write_photos(cfg, root / 'photos')
    return root, ['--config', config, '--checkpoint', weights, '--iterations', '10', '--force']


@pytest.mark.slow
def test_a_killed_run_goes_on_by_the_same_command(setup, tmp_path):
    """A control, too: without the losses that read targets."""
    root, arguments = setup
    cfg, out = photo_config(root / 'data'), tmp_path / 'out'
    cfg.custom_hooks[-1].kill_at = 7  # of the training: a fifth is two iterations
    command = [root / 'photos', *arguments, '--config', write_config(cfg, tmp_path), '--out-dir', out,
               '--cfg-options', *CONTROL]
    first = ToolRun('adapt.py', command, tmp_path / 'log')
    assert first.wait() == [-signal.SIGKILL], first.output()[-3000:]
    made = {path: path.stat().st_mtime_ns for path in [*(out / 'masks').glob('*.png'), out / 'before.json']}
    assert len(made) == NUM + 1 and not (out / 'report.json').exists()
    write_config(photo_config(root / 'data'), tmp_path)
    second = ToolRun('adapt.py', command, tmp_path / 'log2')
    second.check()
    losses = read_losses(out / 'training')
    assert [line['iter'] for line in losses] == [*range(7), *range(6, 10)]
    assert all('loss_render' in line for line in losses)
    assert not any('mask' in name or 'adversarial' in name for line in losses for name in line)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert json.loads((out / 'report.json').read_text())['iterations'] == 10
    assert 'data: synthetic' in second.output() and 'mask IoU, higher is better' in second.output()


@pytest.mark.parametrize(('extra', 'message'), [
    (['none', '--out-dir', '{out}'], 'none: no such folder of images, nor a video file'),
    (['{photos}', '--out-dir', '{photos}/out'], 'photos/out: lies in .*photos, so its masks and pictures would be'),
    (['{few}', '--out-dir', '{out}'], 'few: 3 images, at least 16 expected'),
    (['{photos}', '--out-dir', '{out}', '--checkpoint', 'none.pth'], 'none.pth: no such checkpoint file'),
    (['{photos}', '--out-dir', '{out}', '--config', 'none.py'], 'none.py: no such config file'),
    (['{photos}', '--out-dir', '{out}', '--masks', '{few}'],
     '18 of 18 masks are bad .15 failed, 2 full frame, 3 inverted.'),
    (['{photos}', '--out-dir', '{out}', '--cfg-options', 'train_cfg.stages.0.loss_weights.maks=1'],
     "loss_weights names 'maks', but model.losses has"),
    (['{photos}', '--out-dir', '{out}', '--boxes', '{few}'], 'few: expected a regular file, got a folder'),
])
def test_a_mistake_is_one_line(setup, run_command, tmp_path, extra, message):
    root, arguments = setup
    few = root / 'few'
    if not few.exists():
        write_photos(photo_config(root / 'data'), few, 3)
    places = dict(out=tmp_path / 'out', few=few, photos=root / 'photos')
    with pytest.raises(UsageError, match=message):
        run_command('adapt', *arguments, *(text.format(**places) for text in extra))
    assert not (tmp_path / 'out' / 'training').exists()


def test_a_species_without_weights_is_refused(setup, run_command, tmp_path):
    with pytest.raises(UsageError, match="'xyz': no model of this name"):
        run_command('adapt', setup[0] / 'photos', '--species', 'xyz', '--out-dir', tmp_path)
