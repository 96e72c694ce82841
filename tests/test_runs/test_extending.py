"""docs/extending.md: its files are read from the page, and run in little."""
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from test_models.conftest import data_sample

from mmxas import cli
from mmxas.apis.configs import load_config
from mmxas.cli import commands
from mmxas.cli.main import main
from mmxas.datasets.shared_parts import share_config
from mmxas.models.losses import MaskLoss
from mmxas.models.losses.routes import ROUTES
from mmxas.ops import Hypotheses
from mmxas.registry import DATASETS, KEYPOINT_CODECS, MODELS
from mmxas.structures import load_skeleton

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs/extending.md'
TEXT = PAGE.read_text(encoding='utf-8')
OWN = {'my_losses': (MODELS, 'UprightLoss'), 'my_data': (DATASETS, 'JsonFrames'),
       'my_codec': (KEYPOINT_CODECS, 'TemperatureCodec')}
CROP = 64


def blocks(section: str) -> dict[str, list[str]]:
    """The Python files of a section, by the name in their first line."""
    text = re.search(rf'^## {section}$(.*?)(?=^## |\Z)', TEXT, re.MULTILINE | re.DOTALL)[1]
    found: dict[str, list[str]] = {}
    for block in re.findall(r'^```python\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        found.setdefault(re.match(r'# ([\w/]+\.py)', block)[1], []).append(block)
    return found


SWAPS = blocks('Swap a part')['my_config.py']
LOSS, DATA, OPTION, SPECIES, SUBCOMMAND = map(blocks, (
    'A loss', 'A data set', 'A decoding option', 'A species', 'A subcommand'))
TRAINED = [*SWAPS, *LOSS['my_config.py']]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, which is the working directory and importable; what its files register is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module, (registry, component) in OWN.items():
        sys.modules.pop(module, None)
        registry.module_dict.pop(component, None)


def read(folder: Path, *files: dict[str, list[str]], config: str = '') -> Config:
    """Write the files of a section as a reader does, and return the config."""
    for name, (block, *_) in (item for one in files for item in one.items()):
        (folder / name).write_text(block, encoding='utf-8')
    if config:
        (folder / 'my_config.py').write_text(config, encoding='utf-8')
    return load_config(str(folder / 'my_config.py'))


def build(cfg: Config) -> torch.nn.Module:
    """The model."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(cfg.model).train()


def train(cfg: Config, iterations: int = 2) -> tuple[torch.nn.Module, list[dict]]:
    """The model after some steps in its last stage, on noise with labels and masks, and the losses of each step."""
    model = build(cfg)
    model.set_stage(cfg.train_cfg.stages[-1].loss_weights)
    samples = [data_sample('target', seed, labelled=False) for seed in (0, 1)]
    samples += [data_sample('synthetic', seed) for seed in (0, 1)]
    inputs, steps = torch.randn(4, 3, CROP, CROP), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(iterations):
        losses = model.loss(inputs, samples)
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.step()
        steps.append({name: value.item() for name, value in losses.items()})
    return model, steps


def found(block: str, pattern: str) -> str:
    """The first group of a pattern in a block."""
    return re.search(pattern, block)[1]


def test_the_page_has_them_all_and_each_fits_a_screen():
    assert len(SWAPS) == 4
    assert [sorted(files) for files in (LOSS, DATA, OPTION, SPECIES)] == [
        ['my_config.py', 'my_losses.py'], ['my_config.py', 'my_data.py'], ['my_codec.py', 'my_config.py'],
        ['my_body.py']]
    assert sorted(SUBCOMMAND) == ['mmxas/cli/commands.py', 'mmxas/cli/list_keypoints.py']
    for files in (dict(swap=SWAPS), LOSS, DATA, OPTION, SPECIES, SUBCOMMAND):
        assert all(len(block.splitlines()) <= 40 for several in files.values() for block in several)


def test_what_goes_inside_the_package_is_named_and_four_files_at_most():
    lists = [re.findall(r'^([\w/]+\.\w+)  ', block, re.MULTILINE)
             for block in re.findall(r'^```text\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)]
    lists = [names for names in lists if names]
    assert len(lists) == 4 and all(3 <= len(names) <= 4 for names in lists)
    assert all((ROOT / name).parent.is_dir() for names in lists for name in names)


@pytest.mark.parametrize('number', range(len(TRAINED)))
def test_a_config_trains(number, project):
    block = TRAINED[number]
    model, steps = train(read(project, LOSS, config=block))
    names = {'loss_render', 'loss_marginal', 'loss_facing', 'loss_mask', 'loss_adversarial',
             'loss_discriminator_adversarial'}
    assert set(steps[0]) - {'loss_idle'} == names | ({'loss_upright'} if 'upright' in block else set())
    assert all(np.isfinite(list(step.values())).all() for step in steps)
    assert steps[0]['loss_marginal'] != steps[1]['loss_marginal']
    if 'backbone' in block:
        assert type(model.backbone).__name__ == found(block, r"backbone=dict\(\s*_delete_=True, type='(\w+)'")
    poses = model.head.decoder.decoding.num_hypotheses
    assert poses == (int(found(block, r'num_hypotheses=(\d)')) if 'num_hypotheses' in block else 3)
    swapped = found(block, r"discriminator=dict\(_delete_=True, type='(\w+)'") if 'discriminator' in block else None
    assert type(model.discriminator).__name__ == (swapped or 'GCNDiscriminator')


def test_the_loss_is_what_its_docstring_says(project):
    read(project, LOSS)
    loss = MODELS.build(dict(type='UprightLoss', skeleton='h36m18'))
    keypoints = torch.zeros(1, 2, 18, 3)
    keypoints[0, 0, 10, 1], keypoints[0, 1, 10, 1] = 0.4, -0.4  # y points down
    assert loss(Hypotheses(keypoints, None, None, None)).item() == pytest.approx(0.2)


def test_the_table_of_reads_is_whole():
    rows = re.findall(r"^\| `'(\w+)'` \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(ROUTES) and MaskLoss.reads in rows


def write_frames(folder: Path) -> dict:
    """Write an image, its mask, and the two JSON files as on the page; return its frame."""
    frame, = json.loads(re.search(r'^```json\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)[1])
    mask = np.zeros((1000, 1000), np.uint8)
    x0, y0, x1, y1 = frame['box']
    mask[y0:y1, x0:x1] = 255
    for name, picture in ((frame['image'], np.full((1000, 1000, 3), 90, np.uint8)), (frame['mask'], mask)):
        (folder / name).parent.mkdir(parents=True)
        cv2.imwrite(str(folder / name), picture)
    unlabelled = {key: frame[key] for key in ('image', 'mask', 'box')}
    frame['keypoints_cam'] = [frame['keypoints_cam'][0]] * 18
    for name, content in (('train.json', unlabelled), ('test.json', frame)):
        (folder / name).write_text(json.dumps([content]), encoding='utf-8')
    return frame


def test_the_data_set_gives_labels_to_tests_alone(project):
    frame = write_frames(project / 'data/frames')
    cfg = read(project, DATA)
    share_config(cfg)
    with DefaultScope.overwrite_default_scope('mmpose'):
        target, test = DATASETS.build(cfg.train_dataloader.dataset.target), DATASETS.build(cfg.test_dataloader.dataset)
        unlabelled, labelled = target[0]['data_samples'], test[0]['data_samples']
    assert len(target) == len(test) == 1
    assert 'keypoints' not in unlabelled.gt_instances and 'camera' not in unlabelled.metainfo
    assert target.get_data_info(0)['bbox'].tolist() == [frame['box']] == labelled.gt_instances.bboxes.tolist()
    x, y, z = frame['keypoints_cam'][0]
    (fx, _, cx), (_, fy, cy), _ = frame['K']
    assert labelled.gt_instances.keypoints[0, 3] == pytest.approx([fx * x / z + cx, fy * y / z + cy], abs=1e-3)
    x0, y0, x1, y1 = frame['box']
    assert labelled.gt_fields.mask.mean() == pytest.approx((x1 - x0) / (y1 - y0) / 1.25**2, rel=0.03)


def test_the_data_set_passes_check_dataset(project, capsys):
    write_frames(project / 'data/frames')
    cfg = read(project, DATA)
    cfg.train_dataloader.dataset.synthetic = cfg.train_dataloader.dataset.target  # nothing is rendered here
    cfg.dump('whole.py')
    assert main(['check-dataset', 'whole.py']) == 0
    out = capsys.readouterr().out
    assert '(JsonFrames): 1 samples, 1 checked: 1 with mask, 0 with labels' in out
    assert '(JsonFrames): 1 samples, 1 checked: 1 with mask, 1 with labels' in out and out.endswith('nothing wrong\n')


def test_the_decoding_option_acts_and_is_checked(project):
    cfg = read(project, OPTION)
    head = build(cfg).head
    with DefaultScope.overwrite_default_scope('mmpose'):
        plain = KEYPOINT_CODECS.build(dict(cfg.model.head.decoder, type='NormCodec', decoding=dict(
            window=17, peak_threshold=0.1)))
    logits = torch.randn(1, 18 * head.depth_bins, 4, 4, generator=torch.Generator().manual_seed(0))
    trained, _ = head.decode_volume(logits)
    assert torch.equal(trained.keypoints, plain.decode(logits, 18)[0].keypoints)
    tested, _ = head.decode_volume(logits, cfg.model.test_cfg)
    assert torch.equal(tested.keypoints, plain.decode(2 * logits, 18, changes=dict(xy_window=5))[0].keypoints)
    assert not torch.equal(tested.keypoints, trained.keypoints)
    assert head.decoding(cfg.model.test_cfg).temperature == 0.5 and head.decoding().peak_threshold == 0.1
    cfg.model.test_cfg.decoding.temperature = 0
    with pytest.raises(ValueError, match='temperature: a number above 0 expected, got 0'):
        build(cfg)


def test_the_species_is_whole(project, capsys):
    exec(SPECIES['my_body.py'][0], {})
    assert main(['new-species', 'lizard', '--body-model', 'my_body.npz']) == 0
    assert capsys.readouterr().out.startswith('lizard: 8 keypoints, 8 joints')
    assert main(['check-species', 'lizard/configs/xas_lizard.py', '--samples', '2']) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ['ok'] * 8 + ['look']


def test_the_subcommand_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / 'list_keypoints.py').write_text(SUBCOMMAND['mmxas/cli/list_keypoints.py'][0], encoding='utf-8')
    rows = eval(SUBCOMMAND['mmxas/cli/commands.py'][0], dict(Command=commands.Command))
    monkeypatch.setattr(cli, '__path__', [*cli.__path__, str(tmp_path)])
    monkeypatch.setattr(commands, 'COMMANDS', (*commands.COMMANDS, *rows))
    try:
        assert main(['keypoints', 'mmxas::xas_mocap.py']) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == [f'{index} {name}' for index, name in enumerate(load_skeleton('h36m18').keypoints)]
        assert '\n'.join(lines[:2]) in TEXT
        assert main(['keypoints', 'mmxas::_base_/default_runtime.py']) == 2
        assert capsys.readouterr().err == 'mmxas keypoints: mmxas::_base_/default_runtime.py: no model.skeleton\n'
        with pytest.raises(SystemExit, match='0'):
            main(['keypoints', '--help'])
        assert 'List the keypoints of a config.' in capsys.readouterr().out
    finally:
        sys.modules.pop('mmxas.cli.list_keypoints', None)
        vars(cli).pop('list_keypoints', None)
