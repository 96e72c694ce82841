"""Every shipped config can be built, trains in each of its stages, and is what the model index says of it."""
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torchvision.models import resnet50

from mmxas.datasets.datasets.recorded_frames import choose_frame_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.engine import parse_stages
from mmxas.engine.config_knobs import read_config
from mmxas.models.layers import ChannelsLastBatchNorm2d
from mmxas.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
from mmxas.synthesis import synthesize

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
SIZE = 32
PARTS = {'GCNDiscriminator': 'Graph discriminator', 'MLPDiscriminator': 'MLP discriminator', None: None}
DATA = {'H36MPoseDataset': 'Human3.6M', 'MPIINF3DHPDataset': 'MPI-INF-3DHP', 'TikTokDataset': 'TikTok',
        'MPIIPoseDataset': 'MPII', 'MocapHuman': 'MocapHuman'}


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def cfg(request) -> Config:
    """One of the configs, without pre-trained weights."""
    cfg = read_config(request.param)
    if 'pretrained' in cfg.model.backbone:
        cfg.model.backbone.pretrained = False
    cfg.model.backbone.pop('init_cfg', None)
    share_config(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield cfg


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory) -> Path:
    """Folder with the pairs ``train``, which stand for every data set."""
    folder = tmp_path_factory.mktemp('tiny')
    generator = dict(body_model=dict(type='SMPLBodyModel', model_path='free'), skeleton='h36m18',
                     pose_source=dict(type='TruncatedGaussianPrior'), image_size=SIZE, crop='root_box')
    synthesize(generator, out=str(folder / 'train'), num=2, workers=0, seed=0)
    return folder


def leaves(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """The data sets that read files, out of pairs and mixtures."""
    parts = [dataset[part] for part in ('synthetic', 'target') if part in dataset] + list(dataset.get('datasets', []))
    if not parts:
        yield dataset
    for part in parts:
        yield from leaves(part)


def shrink(dataset: ConfigDict, data: Path) -> dict:
    """The tiny pairs, in small crops, in place of a data set: its pipeline, its boxes, its labels."""
    first = next(leaves(dataset))
    for transform in first.pipeline:
        if 'input_size' in transform:
            transform.input_size = (SIZE, SIZE)
    kept = {key: first[key] for key in ('pipeline', 'box', 'with_labels', 'skeleton') if key in first}
    if first.type == 'SyntheticPairDataset':
        return dict(type='SyntheticPairDataset', data_root=str(data / 'train'), **kept)
    return dict(type='MocapHuman', data_root=str(data), **kept)


def test_a_config_is_whole(cfg):
    """All but the model and the data sets is built; of these the files are not there."""
    assert cfg.custom_imports == dict(imports=['mmxas'], allow_failed_imports=False)
    assert cfg.train_cfg.type == 'StagedTrainLoop'
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for dataset in leaves(loader.dataset):
            transforms = [TRANSFORMS.build(transform) for transform in dataset.pipeline]
            assert type(transforms[-1]).__name__ == 'PackXASInputs'
            known = {name for cls in inspect.getmro(DATASETS.get(dataset.type)) if '__init__' in vars(cls)
                     for name in inspect.signature(cls.__init__).parameters}
            assert set(dataset) - {'type'} <= known
    for evaluators in (cfg.val_evaluator, cfg.test_evaluator):
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
            METRICS.build(evaluator)
    for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
        HOOKS.build(hook)
    check_backgrounds(cfg)


def check_backgrounds(cfg: Config) -> None:
    """They are removed on both sides or on none."""
    parts = [leaf for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
             for leaf in leaves(loader.dataset)]
    removed = {any(step.type == 'RemoveBackground' for step in part.pipeline) for part in parts}
    if cfg.model.test_cfg.get('background') == 'both':  # trained on both, the estimator removes it in testing
        assert removed == {True, False}
        return
    assert removed == {'photo_backgrounds' not in cfg.filename}
    assert {'mask' in part.data_prefix for part in parts[2:] if part.get('box') == 'root'} <= removed


def check_batch_norms(cfg: Config, model: torch.nn.Module) -> None:
    """Statistics are joined over processes in the paper's detectors alone, which are channels last if whole.

    FSDP would resume a sharded one in another order; the small detector's backbone sees to itself.
    """
    is_paper = cfg.model.backbone.type == 'ResNet'
    assert (cfg.strategy.sync_bn if 'strategy' in cfg else cfg.sync_bn) == ('torch' if is_paper else None)
    norms = [m for m in model.modules() if type(m) in (torch.nn.BatchNorm2d, ChannelsLastBatchNorm2d)]
    wanted = is_paper and 'strategy' not in cfg
    assert norms and {type(m) is ChannelsLastBatchNorm2d for m in norms} == {wanted}
    assert model.physique is None or model.physique.output.weight.is_contiguous() != wanted


def test_model_stages_and_an_iteration_of_each(cfg, tiny_data):
    """Data, batch, workers and pre-trained weights are all that is changed."""
    torch.manual_seed(0)
    data = cfg.train_dataloader.dataset
    data.length, data.synthetic, data.target = None, shrink(data.synthetic, tiny_data), shrink(data.target, tiny_data)
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    model = MODELS.build(cfg.model)
    check_batch_norms(cfg, model)
    model.init_weights()
    assert model.head.num_keypoints == model.skeleton.num_keypoints
    stages = parse_stages(cfg.train_cfg.stages)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    optimizer.initialize_count_status(model, 0, len(stages))
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    last, domains, lit = model.head.final_layer, set(), []
    last.register_forward_hook(lambda _, inputs, __: lit.append(bool(inputs[0].any())))
    weight, bias = last.weight.detach().clone(), last.bias.detach().clone()
    assert len(stages) == 2
    for stage in stages:
        model.set_stage(stage.loss_weights)
        loader.dataset.activate(model.domains)
        domains |= model.domains
        losses = model.train_step(next(iter(loader)), optimizer)
        assert {f'loss_{name}' for name in stage.loss_weights} <= set(losses)
        assert all(value.isfinite() for value in losses.values())
    assert not torch.equal(last.bias, bias)
    assert torch.equal(last.weight, weight) != any(lit), 'it learns where its features, of 1 x 1 px, are not all 0'
    assert domains == {'synthetic', 'target'}, 'both data sets are used in some stage'
    unused = model.idle_modules()
    assert not unused or all(getattr(model, name) is None for name in unused), f'{unused} are trained in no stage'


@pytest.mark.slow
def test_the_recipe_for_photos_tests_and_saves_the_average_of_its_weights(tiny_data, tmp_path):
    cfg = Config.fromfile(ROOT / 'configs' / 'xas_photos.py')
    cfg.model.backbone.pretrained = False
    data = cfg.train_dataloader.dataset
    data.length, data.synthetic, data.target = None, shrink(data.synthetic, tiny_data), shrink(data.target, tiny_data)
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    for stage in cfg.train_cfg.stages:
        stage.epochs = 1
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), visualizer=dict(vis_backends=[dict(type='LocalVisBackend')])))
    cfg.update({f'{kind}_{part}': None for kind in ('val', 'test') for part in ('dataloader', 'evaluator', 'cfg')})
    del cfg.default_hooks.keep_memory  # it would change this process for the other tests
    Runner.from_cfg(cfg).train()
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    average, last = checkpoint['state_dict'], checkpoint['ema_state_dict']
    assert int(last['steps']) == 2, 'one iteration a stage'
    name = 'head.final_layer.bias'
    step = (average[name] - last[f'module.{name}']).abs().max()
    assert 0 < step < 0.01, 'the average follows: two rates of at most 6e-3'


def test_resnet_50_takes_the_place_of_lite2_in_the_recipe_for_a_gpu(tmp_path):
    """By the options that the config names, with the file that torchvision downloads."""
    torch.manual_seed(0)
    weights, file = resnet50().state_dict(), tmp_path / 'resnet50.pth'
    torch.save(weights, file)
    cfg = read_config(ROOT / 'configs' / 'xas_photos_256.py')
    cfg.model.backbone.update(model_name='resnet50', pretrained=False, checkpoint_path=str(file))
    cfg.model.neck.in_channels = (512, 1024)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model).eval()
    model.init_weights()
    own = dict(model.backbone.named_parameters())
    name = next(name for name in own if name.endswith('layer3.5.conv2.weight'))
    assert torch.equal(own[name], weights['layer3.5.conv2.weight']) and own[name].requires_grad
    with torch.no_grad():
        assert model.head(model.extract_feat(torch.zeros(1, 3, 256, 256))).shape == (1, 18 * 64, 64, 64)


def test_the_model_index_says_what_the_configs_are():
    for entry in yaml.safe_load((ROOT / 'configs/metafile.yml').read_text(encoding='utf-8'))['Models']:
        cfg = Config.fromfile(ROOT / entry['Config'])
        parts = entry['Metadata']['Architecture']
        single = cfg.model.head.decoder.decoding.num_hypotheses == 1
        heads = 'Single-hypothesis head' if single else 'Multi-hypothesis head'
        assert [part for part in parts if part.endswith('head')] == [heads], entry['Name']
        judge = PARTS[cfg.model.discriminator.type if cfg.model.discriminator else None]
        assert [part for part in parts if part.endswith('discriminator')] == ([judge] if judge else []), entry['Name']
        data, labelled = cfg.train_dataloader.dataset, ' with 2D labels'
        named = [DATA[leaf.type] + labelled * bool(leaf.get('with_labels')) for leaf in leaves(data.target)]
        pairs = 'SURREAL' if 'surreal' in data.synthetic.data_root else 'synthetic pairs'
        assert entry['Metadata']['Training Data'] == [*named, pairs], entry['Name']
        assert entry['Results'][0]['Dataset'] == DATA[cfg.test_dataloader.dataset.type], entry['Name']


def test_an_epoch_of_the_released_recipe_is_the_authors():
    cfg = read_config(ROOT / 'configs/xas_h36m_released.py')
    data, target = cfg.train_dataloader.dataset, cfg.train_dataloader.dataset.target
    assert data.length == 'target' and cfg.test_dataloader.dataset.random_frames == 40
    recordings = [f'S{subject}_{action}_{take}' for subject in (1, 5, 6, 7, 8) for action in target.actions
                  for take in (1, 2)]
    records = ({'sequence': name, 'frame': frame} for name in recordings for _ in range(4) for frame in range(250))
    images = len(choose_frame_sets(records, target.random_frames))
    steps = images / cfg.train_dataloader.batch_size / cfg.optim_wrapper.accumulative_counts
    assert (len(recordings), images, steps) == (110, 88000, 687.5)
    assert list(cfg.test_evaluator.groups) == ['paper', 'all'], "the first is the paper's row"


def test_table_3_has_its_second_figure_in_both_protocols():
    for name, protocol in (('xas_h36m_sur_sh', None), ('xas_h36m_sur_sh_released', 'released')):
        cfg = Config.fromfile(ROOT / f'configs/{name}.py')
        assert cfg.val_evaluator == cfg.test_evaluator
        poses, triangulated = cfg.test_evaluator
        assert (poses.type, triangulated.type) == ('XASPoseMetric', 'TriangulationMetric')
        assert poses.get('protocol') == triangulated.get('protocol') == protocol
        assert triangulated.groups == poses.groups
