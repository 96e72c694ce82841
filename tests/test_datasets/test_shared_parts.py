"""The model's skeleton and codec reach every part that takes them, and another skeleton is refused."""
import pytest
from mmengine.config import Config

from mmxas.datasets.shared_parts import share, share_config

CODEC = dict(type='NormCodec', align_corners=True)
MODEL = dict(type='XASPoseEstimator', skeleton='h36m18', head=dict(type='MultiHypothesisHead', decoder=CODEC))
TOY = dict(name='toy', keypoints=['a', 'b'], parents=[0, 0])


def test_everything_that_takes_one_is_given_it():
    loader = dict(
        sampler=dict(type='SeededSampler'),
        dataset=dict(
            type='PairedDataset',
            synthetic=dict(type='SyntheticPairDataset', generator=dict(body_model=dict(type='SMPLBodyModel')),
                           pipeline=[dict(type='LoadMask'), dict(type='GenerateNormTarget')]),
            target=dict(type='MixedDataset', datasets=[dict(type='TikTokDataset'), dict(type='MocapHuman')])))
    before = repr(loader)
    shared = share(loader, MODEL, 'train_dataloader')['dataset']
    assert 'skeleton' not in shared and 'skeleton' not in shared['target'], 'pairs and mixtures take none'
    assert [part['skeleton'] for part in shared['target']['datasets']] == ['h36m18'] * 2
    assert shared['synthetic']['skeleton'] == shared['synthetic']['generator']['skeleton'] == 'h36m18'
    assert shared['synthetic']['pipeline'] == [dict(type='LoadMask'), dict(type='GenerateNormTarget', encoder=CODEC)]
    assert repr(loader) == before
    metrics = [dict(type='XASPoseMetric'), dict(type='PCKAccuracy'), dict(type='NobodyKnows')]
    assert share(metrics, MODEL, 'val_evaluator') == [
        dict(type='XASPoseMetric', skeleton='h36m18'), dict(type='PCKAccuracy'), dict(type='NobodyKnows')]
    evaluator = share(dict(type='Evaluator', metrics=metrics), MODEL, 'val_evaluator')
    assert evaluator['metrics'][0]['skeleton'] == 'h36m18'


def test_what_is_stated_and_agrees_stays(tmp_path):
    stated = dict(type='MocapHuman', skeleton='h36m18', pipeline=[dict(type='GenerateNormTarget', encoder='mine')])
    assert share(stated, MODEL, 'dataset') == stated
    again = dict(MODEL, skeleton=dict(TOY, link_widths=[['a', 'b', 2.0]]))  # drawn otherwise: the same poses
    assert share(dict(type='MocapHuman', skeleton=TOY), again, 'dataset')['skeleton'] == TOY


@pytest.mark.parametrize(('part', 'where'), [
    (dict(type='MocapHuman', skeleton=TOY), 'val_dataloader.dataset'),
    (dict(type='MocapHuman', generator=dict(skeleton=TOY)), 'val_dataloader.dataset.generator'),
    ([dict(type='PCKAccuracy'), dict(type='MaskIoUMetric', skeleton=TOY)], 'val_dataloader.dataset.1')])
def test_another_skeleton_is_refused_with_both_names(part, where):
    with pytest.raises(ValueError, match=f"^{where} has the skeleton 'toy' with 2 keypoints, but model.skeleton is "
                                         r"'h36m18' with 18 \(other keypoints\)"):
        share(part, MODEL, 'val_dataloader.dataset')


def test_a_model_without_a_skeleton_shares_nothing():
    part = dict(type='MocapHuman')
    assert share(part, dict(type='TopdownPoseEstimator'), 'x') is share(part, None, 'x') is part


def test_a_whole_config():
    config = Config(dict(
        model=MODEL, val_dataloader=dict(dataset=dict(type='MocapHuman')), val_evaluator=dict(type='XASPoseMetric'),
        train_dataloader=None, synthesis=dict(pairs=dict(generator=dict(image_size=64), num=3))))
    share_config(config)
    assert config.val_dataloader.dataset.skeleton == config.val_evaluator.skeleton == 'h36m18'
    assert config.synthesis.pairs.generator.skeleton == 'h36m18' and config.synthesis.pairs.num == 3
    assert config.train_dataloader is None
