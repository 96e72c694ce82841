import copy
from contextlib import nullcontext

import pytest
from mmengine.config import Config
from tiny_project import write_tiny_config

from mmxas.apis import configs
from mmxas.apis.configs import config_stem
from mmxas.errors import UsageError

LOSSES = dict(render=dict(type='RenderLoss'), mask=dict(type='MaskLoss'))
STAGE = dict(name='a', epochs=1, lr=0.1, loss_weights=dict(render=1.0))


@pytest.mark.parametrize(('cfg', 'message'), [
    (dict(), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(max_epochs=1)), None),
    (dict(model=dict(type='Other'), train_cfg=dict(stages=[STAGE])), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[STAGE])), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[dict(STAGE, loss_weights=dict(rendr=1.0))])),
     "stage 'a': loss_weights names 'rendr', but model.losses has: render, mask"),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[dict(STAGE, epochs=0)])), "stage 'a': epochs=0"),
])
def test_stages_are_compared_with_the_losses(cfg, message):
    with pytest.raises(UsageError, match=message) if message else nullcontext():
        configs.check_stages(Config(cfg))


def test_a_child_that_changes_nothing_is_one_line(tmp_path):
    (tmp_path / 'child.py').write_text("_base_ = 'mmxas::xas_mocap.py'\ncrop_size = 96\n")
    with pytest.raises(UsageError, match=r'child.py: crop_size = … changes nothing: .*mocap_human.py has used it'):
        configs.load_config(str(tmp_path / 'child.py'))


def test_configs_are_read_by_path_and_by_name(tmp_path):
    assert configs.load_config(str(write_tiny_config(tmp_path))).model.type == 'TinyModel'
    assert configs.load_config('mmxas::_base_/default_runtime.py').default_scope == 'mmpose'


@pytest.mark.parametrize('line', ['a = dict(key=len)', 'a = {"it\'s": 1}', 'a = {"class": 1}'])
def test_a_config_that_could_not_be_read_again_is_refused(tmp_path, line):
    (tmp_path / 'odd.py').write_text(f'b = 1\n{line}\n')
    cfg = configs.load_config(str(tmp_path / 'odd.py'))
    with pytest.raises(UsageError, match=r'odd.py: a run could not read its own dumped config because of this line: '
                                         r'.*(built-in|it|class)'):
        configs.check_text(cfg)


def test_what_a_run_writes_down_is_its_config_at_once(tmp_path, monkeypatch):
    def break_lines(*_, **__):
        pytest.fail('yapf takes seconds')
    monkeypatch.setattr('mmengine.config.config.FormatCode', break_lines)
    cfg = configs.load_config('mmxas::xas_mocap.py')
    configs.check_text(cfg)
    assert cfg.pretty_text.startswith('augmentation=[\n    dict(')
    copy.deepcopy(cfg).dump(tmp_path / 'written.py')
    assert configs.load_config(str(tmp_path / 'written.py')).to_dict() == cfg.to_dict()


@pytest.mark.parametrize(('text', 'message'), [
    (None, 'broken.py: no such config file'),
    ("_base_ = ['./gone.py']", 'broken.py: .*gone.py'),
    ("_base_ = ['mmxas::gone.py']", 'mmxas::gone.py: no such config in'),
    ('model = dict(\nlr = ', r'broken.py: line \d: '),
])
def test_a_config_that_cannot_be_read_is_named(tmp_path, text, message):
    path = tmp_path / 'broken.py'
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        configs.load_config(str(path))


def test_options_change_the_config_or_say_why_not():
    cfg = Config(dict(a=dict(b=1), c=[1, 2]))
    configs.merge_options(cfg, {'a.b': 2, 'c': [3, 4]})
    assert (cfg.a.b, cfg.c) == (2, [3, 4])
    with pytest.raises(UsageError, match='--cfg-options: Index 7'):
        configs.merge_options(cfg, {'c.7': 1})
    with pytest.raises(UsageError, match='test_cfg.facings: changes nothing.*model.test_cfg: model.test_cfg.facings'):
        configs.merge_options(cfg, {'test_cfg.facings': 0})
    configs.merge_options(cfg, {'test_cfg.fp16': True, 'model.test_cfg.facings': 0})
    assert cfg.test_cfg.fp16 and cfg.model.test_cfg.facings == 0


def test_knobs_act_on_the_command_line_and_spent_variables_are_refused():
    cfg = configs.load_config('mmxas::xas_mocap.py')
    configs.merge_options(cfg, {'train_dataloader.batch_size': 3, 'xas.num_pairs': 7, 'xas.crop_size': 96})
    assert cfg.train_dataloader.batch_size == 3 and cfg.train_dataloader.dataset.synthetic.num == 7
    assert cfg.crop_size == 96 and 'xas' not in cfg
    for key, way in (('crop_size', r'xas = dict\(crop_size='), ('data_root', r'xas = dict\(data_root='),
                     ('target_pipeline', 'what was built from it')):
        with pytest.raises(UsageError, match=f'--cfg-options {key}: changes nothing.*{way}'):
            configs.merge_options(cfg, {key: 1})
    with pytest.raises(UsageError, match='--cfg-options: xas: nope unknown; there are: '):
        configs.merge_options(cfg, {'xas.nope': 1})


@pytest.mark.parametrize(('key', 'message'), [
    ('optim_wraper', 'optim_wraper = … is never used; did you mean optim_wrapper'), ('my_own_table', None)])
def test_a_key_that_is_nearly_one_of_a_run_is_refused(key, message):
    with pytest.raises(UsageError, match=message) if message else nullcontext():
        configs.check_keys(Config({key: 1}))


def test_metrics_of_the_package_write_their_results():
    cfg = Config(dict(test_evaluator=[dict(type='XASPoseMetric'), dict(type='PCKAccuracy')], work_dir='w'))
    configs.add_result_files(cfg, 'test_evaluator')
    assert [evaluator.get('out_file') for evaluator in cfg.test_evaluator] == ['w/results/XASPoseMetric.json', None]


@pytest.mark.parametrize('name', ['configs/a.py', 'mmxas::a.py', 'mmxas::projects/x/configs/a.py', 'mmxas::a'])
def test_the_stem_names_folders(name):
    assert config_stem(name) == 'a'
