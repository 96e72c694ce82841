from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.evaluation import metrics
from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.metrics.self_consistency_metrics import mirrored_batch
from mmxas.ops.geometry import norm_to_pixel
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

DiscriminatorScoreMetric = partial(metrics.DiscriminatorScoreMetric, skeleton='h36m18')
FlipRateMetric = partial(metrics.FlipRateMetric, skeleton='h36m18')
SymmetryMetric = partial(metrics.SymmetryMetric, skeleton='h36m18')
SKELETON, SIZE = load_skeleton('h36m18'), 32


def packed(keypoints=None):
    """A sample whose crop is the image."""
    sample = PoseDataSample(metainfo=dict(input_size=(SIZE, SIZE), warp_mat=np.eye(3)[:2], clip='run'))
    sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)))
    sample.gt_fields = PixelData(mask=torch.arange(SIZE).float().repeat(1, SIZE, 1))
    if keypoints is not None:
        predict(sample, keypoints)
    return sample


def predict(sample, norm):
    sample.pred_instances = InstanceData(
        keypoints=norm_to_pixel(norm[None, :, :2], SIZE), hypotheses_norm=np.asarray(norm)[None, None])


def pose(seed=0):
    return np.random.default_rng(seed).uniform(-0.8, 0.8, (18, 3))


class Detector:
    """Finds the pose that the image stands for: its first pixel is its number, its last one that of a mirrored copy."""

    def __init__(self, equivariant):
        self.equivariant = equivariant

    def test_step(self, batch):
        for image, sample in zip(batch['inputs'], batch['data_samples']):
            assert image[0, 0, 0] == 0 and image[0, 0, -1] > 0, 'not mirrored'
            truth = pose(int(image[0, 0, -1]))
            seen = truth[list(SKELETON.flip_indices)] if self.equivariant else truth
            predict(sample, seen * [-1, 1, 1])
        return batch['data_samples']


def batch_of(*seeds):
    images = [torch.zeros(3, SIZE, SIZE) for _ in seeds]
    for image, seed in zip(images, seeds):
        image[0, 0, 0] = seed
    return dict(inputs=images, data_samples=[packed(pose(seed)) for seed in seeds])


@pytest.mark.parametrize(('equivariant', 'rate'), [(True, 0), (False, 100)])
def test_flip_rate_of_a_detector_that_knows_its_left_and_of_one_that_does_not(equivariant, rate):
    metric, batch = FlipRateMetric(), batch_of(1, 2, 3)
    metric.set_context(EvaluationContext(Detector(equivariant)))
    metric.process(batch, [sample.to_dict() for sample in batch['data_samples']])
    assert metric.evaluate(3) == {'xas/flip_rate': rate}


class AveragingDetector:
    """Calls the left limb of the image left, unless it averages with a mirrored copy."""

    def __init__(self, **options):
        self.test_cfg = dict(options, xy_window=5)
        self.plain = dict(dict.fromkeys(options, 0), xy_window=5)

    def test_step(self, batch):
        assert self.test_cfg == self.plain
        for image, sample in zip(batch['inputs'], batch['data_samples']):
            seen = pose(int(image[0, 0].max()))
            predict(sample, seen * [-1, 1, 1] if image[0, 0, -1] > 0 else seen)
        return batch['data_samples']


@pytest.mark.parametrize('options', [dict(flip_test=True), dict(facings=8), dict(flip_test=True, facings=8)])
def test_flip_rate_is_that_of_predictions_without_averaging(options):
    metric, batch, detector = FlipRateMetric(), batch_of(1, 2), AveragingDetector(**options)
    for sample in batch['data_samples']:
        predict(sample, np.zeros((18, 3)))  # what averaging gave, to be left alone
    metric.set_context(EvaluationContext(detector))
    metric.process(batch, [sample.to_dict() for sample in batch['data_samples']])
    assert metric.evaluate(2) == {'xas/flip_rate': 100}
    assert detector.test_cfg == dict(options, xy_window=5)
    assert (batch['data_samples'][0].pred_instances.hypotheses_norm == 0).all()


def test_collapsed_poses_are_the_worst_and_end_no_run():
    metric, batch = FlipRateMetric(min_separation=9.0), batch_of(1)
    metric.set_context(EvaluationContext(Detector(True)))
    metric.process(batch, [sample.to_dict() for sample in batch['data_samples']])
    assert metric.evaluate(1) == {'xas/flip_rate': 100}


def test_a_mirrored_batch_leaves_the_batch_alone():
    batch = batch_of(1)
    twin = mirrored_batch(batch)
    assert 'pred_instances' not in twin['data_samples'][0]
    assert twin['data_samples'][0].gt_fields.mask[0, 0].tolist() == list(range(SIZE))[::-1]
    assert batch['data_samples'][0].gt_fields.mask[0, 0].tolist() == list(range(SIZE))
    assert mirrored_batch({**batch, 'inputs': torch.stack(batch['inputs'])})['inputs'][0, 0, 0, -1] == 1
    assert 'pred_instances' in batch['data_samples'][0]


def test_asymmetry_of_a_mirror_symmetric_pose_and_of_a_limping_one():
    even = pose()
    for left, right in SKELETON.flip_pairs:
        even[right] = even[left] * [-1, 1, 1]
    for middle in set(range(18)) - {i for pair in SKELETON.flip_pairs for i in pair}:
        even[middle, 0] = 0
    metric = SymmetryMetric()
    metric.process(None, [packed(even).to_dict()])
    assert metric.evaluate(1)['xas/asymmetry'] == pytest.approx(0, abs=1e-9)
    metric.process(None, [packed(pose()).to_dict()])
    assert 10 < metric.evaluate(1)['xas/asymmetry'] < 200
    bare = packed(pose()).to_dict()
    del bare['pred_instances']['hypotheses_norm']
    metric.process(None, [bare])
    with pytest.raises(ValueError, match='hypotheses_norm'):
        metric.evaluate(1)


def test_the_discriminators_opinion_of_root_centred_poses():
    torch.manual_seed(0)
    discriminator = MODELS.build(dict(type='GCNDiscriminator', skeleton='h36m18', width=8, num_modules=1)).eval()
    metric = DiscriminatorScoreMetric()
    metric.set_context(EvaluationContext(SimpleNamespace(discriminator=discriminator)))
    samples = [packed(pose(0)).to_dict(), packed(pose(1) + 0.1).to_dict()]
    metric.process(None, samples)
    found = metric.evaluate(2)['xas/discriminator_score']
    poses = torch.tensor(np.stack([pose(0), pose(1)])).float()
    with torch.no_grad():
        expected = discriminator(poses - poses[:, :1]).mean().item()
    assert found == pytest.approx(expected, abs=1e-5) and found != 0


def test_metrics_that_ask_the_model_say_how_it_is_made_known():
    for metric in (FlipRateMetric(), DiscriminatorScoreMetric()):
        with pytest.raises(RuntimeError, match="add dict\\(type='EvaluationContextHook'\\)"):
            metric.process(batch_of(1), [packed(pose()).to_dict()])
    metric = DiscriminatorScoreMetric()
    metric.set_context(EvaluationContext(SimpleNamespace(discriminator=None)))
    with pytest.raises(RuntimeError, match='the model has none'):
        metric.process(None, [packed(pose()).to_dict()])
