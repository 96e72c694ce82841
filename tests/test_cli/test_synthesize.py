"""The command line, in processes of its own: resuming after SIGKILL and clear errors."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmxas.engine.config_knobs import read_config
from mmxas.synthesis import PairReader, synthesize
from mmxas.synthesis.synthesize import set_meta

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
generator = dict(
    skeleton='h36m18', body_model=dict(type='SMPLBodyModel'), pose_source=dict(type='TruncatedGaussianPrior'),
    image_size=48)
synthesis = dict(
    small=dict(generator=generator, num=6, out={out!r}),
    other=dict(generator=dict(generator, image_size=32), num=6, out={out!r}))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(out=str(tmp_path / 'set')))
    return path


def command(config, *options):
    return [sys.executable, str(ROOT / 'tools/synthesize.py'), str(config), '--which', 'small', *options]


def environment():
    return os.environ | dict(OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT))


def run(config, *options):
    return subprocess.run(command(config, *options), capture_output=True, text=True, env=environment(), timeout=300)


def digests(root):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.glob('*.npz'))}


@pytest.mark.slow
def test_killed_and_resumed_equals_undisturbed(config, tmp_path):
    out, options = tmp_path / 'set', ('--num', '600', '--shard-size', '10', '--workers', '0')
    process = subprocess.Popen(command(config, *options), env=environment(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.time() + 200
    while not (out / 'pairs_00001.npz').exists() and time.time() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = digests(out)
    assert 2 <= len(finished) < 60, 'killed while it was rendering'
    with pytest.raises(FileNotFoundError, match='are missing'):
        PairReader(out)
    meta = json.loads((out / 'meta.json').read_text())
    num = 10 * len(finished) + 5  # a short rest is enough
    (out / 'meta.json').write_text(json.dumps(meta | dict(num=num)))
    done = run(config, '--num', str(num), '--shard-size', '10', '--workers', '0')
    assert done.returncode == 0, done.stderr
    resumed = digests(out)
    assert finished.items() <= resumed.items() and len(PairReader(out)) == num
    synthesize(meta['generator'], tmp_path / 'undisturbed', num, shard_size=10, progress=False)
    assert resumed == digests(tmp_path / 'undisturbed')


@pytest.mark.slow
def test_progress_and_summary(config, tmp_path):
    done = run(config, '--workers', '2', '--shard-size', '3', '--cfg-options', 'synthesis.small.generator.margin=1.3')
    assert done.returncode == 0, done.stderr
    assert '6/6' in done.stderr and f'small: 6 pairs in {tmp_path / "set"} (2 shards' in done.stdout
    assert PairReader(tmp_path / 'set').meta.generator['margin'] == 1.3


@pytest.fixture
def main(load_command):
    return load_command('synthesize').main


def test_mistakes_are_one_line(main, config, tmp_path, capsys):
    assert main([str(config), '--which', 'none']) == 2
    assert "no synthesis set 'none' in the config; it has other, small" in capsys.readouterr().err
    assert main([str(config), '--which', 'small', '--workers', '0']) == 0
    assert main([str(config), '--which', 'other', '--workers', '0']) == 2
    assert 'another configuration' in capsys.readouterr().err
    assert main([str(tmp_path / 'no.py')]) == 2
    (tmp_path / 'empty.py').write_text('a = 1')
    assert main([str(tmp_path / 'empty.py')]) == 2
    assert 'the config renders nothing: neither `synthesis' in capsys.readouterr().err
    (tmp_path / 'bare.py').write_text('synthesis = dict(a=dict(generator=dict()))')
    assert main([str(tmp_path / 'bare.py')]) == 2
    assert 'give --out and --num' in capsys.readouterr().err


@pytest.mark.parametrize(('options', 'message'), [
    (['--num', '0'], 'num=0, shard_size=256: expected at least 1'),
    (['--num', '-1'], 'num=-1, shard_size=256: expected at least 1'),
    (['--part', '3/2'], "part '3/2': NUMBER/COUNT expected"),
    (['--merge', 'nowhere'], 'nowhere: no rendered pairs here'),
    (['--seed', '-1'], 'seed=-1: expected at least 0'),
    (['--workers', '-2'], 'workers=-2: expected at least 0'),
    (['--cfg-options', 'synthesis.small.generator.nope=0'], "unexpected keyword argument 'nope'"),
    (['--cfg-options', 'synthesis.small.generator.body_model.type=SMPLBodyModl'], 'did you mean SMPLBodyModel'),
    (['--cfg-options', 'synthesis.small.num.deep=1'], '--cfg-options: '),
])
def test_a_wrong_number_or_option_is_one_line_and_writes_nothing(main, config, tmp_path, capsys, options, message):
    assert main([str(config), '--which', 'small', '--workers', '0', *options]) == 2
    (line, ) = capsys.readouterr().err.splitlines()
    assert line.startswith('mmxas synthesize: ') and message in line
    assert not (tmp_path / 'set').exists()


def test_missing_shards_are_status_1_for_a_check(main, config, tmp_path, capsys):
    assert main([str(config), '--which', 'small', '--check']) == 1
    (line, ) = capsys.readouterr().err.splitlines()
    assert line.startswith('mmxas synthesize: ') and 'set: 1 of 1 shards are missing or broken' in line
    assert not (tmp_path / 'set').exists()


def test_an_option_without_a_value_is_named(main, config, capsys):
    with pytest.raises(SystemExit):
        main([str(config), '--cfg-options', 'a'])
    assert '--cfg-options a: expected KEY=VALUE' in capsys.readouterr().err


def test_a_config_of_the_package_is_named_as_elsewhere(main, capsys):
    assert main(['mmxas::xas_mocap.py', '--num', '1']) == 2
    wanted = '--merge need one set; choose it with --which: mocap_human/train, synthetic_human'
    assert wanted in capsys.readouterr().err


def test_every_config_says_what_it_renders(main, monkeypatch, capsys):
    """``mmxas synthesize CONFIG`` alone renders what has a generator, into the folder that training reads."""
    calls = []

    def synthesize(generator, out, num, workers, seed, shard_size, part):
        calls.append((out, num, seed))
        return set_meta(generator, num, seed)

    monkeypatch.setattr('mmxas.cli.synthesize.synthesize', synthesize)
    for path in (ROOT / 'configs').glob('xas_*.py'):
        calls.clear()
        synthetic = read_config(path).train_dataloader.dataset.synthetic
        assert main([str(path)]) == 0
        printed = capsys.readouterr().out
        if synthetic.get('generator') is None:
            assert calls == [] and 'nothing to render, its pairs are not rendered by mmxas' in printed, path
        else:
            assert (synthetic.data_root, synthetic.num, 0) in calls, path


def test_parts_on_machines_of_their_own_are_merged(main, config, tmp_path, capsys):
    options = [str(config), '--which', 'small', '--workers', '0', '--shard-size', '2']
    for number in (1, 2):
        assert main([*options, '--part', f'{number}/2', '--out', str(tmp_path / f'machine{number}')]) == 0
    assert 'small: part 2/2 of 6 pairs in' in capsys.readouterr().out
    assert main([*options, '--merge', str(tmp_path / 'machine1')]) == 1
    assert '1 of 3 shards are missing or broken, the first is pairs_00001.npz' in capsys.readouterr().err
    assert main([*options, '--merge', str(tmp_path / 'machine2')]) == 0
    assert main([*options, '--check']) == 0
    assert 'small: 6 pairs in' in capsys.readouterr().out
    assert main([*options, '--out', str(tmp_path / 'whole')]) == 0
    assert digests(tmp_path / 'set') == digests(tmp_path / 'whole') and len(digests(tmp_path / 'set')) == 3


def test_a_task_of_a_slurm_array_renders_its_part(tmp_path):
    (tmp_path / 'python').write_text('#!/bin/sh\necho "$@"')
    (tmp_path / 'python').chmod(0o755)
    slurm = dict(SLURM_ARRAY_TASK_ID='12', SLURM_ARRAY_TASK_MIN='10', SLURM_ARRAY_TASK_COUNT='4')
    script = [str(ROOT / 'tools/slurm_synthesize.sh'), 'a config.py', '--which', 'x']
    done = subprocess.run(script, capture_output=True, text=True, env=environment() | slurm | dict(
        PYTHON=str(tmp_path / 'python')))
    assert done.stdout.strip() == 'tools/synthesize.py a config.py --part 3/4 --which x', done.stderr
    assert subprocess.run(script, capture_output=True, env=environment()).returncode == 2  # without Slurm
