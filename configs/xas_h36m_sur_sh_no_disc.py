# Table 3, first row: the single-hypothesis detector without a discriminator.
_base_ = './xas_h36m_no_disc.py'

model = dict(head=dict(decoder=dict(decoding=dict(num_hypotheses=1, window=None))))
train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
# Table 3's second number is the error of triangulated poses.
test_evaluator = [_base_.test_evaluator, dict(type='TriangulationMetric', groups=_base_.test_evaluator.groups)]
val_evaluator = test_evaluator
