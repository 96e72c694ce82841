# Table 3, first row: the single-hypothesis detector without a discriminator.
_base_ = './xas_h36m_no_disc.py'

model = dict(head=dict(num_hypotheses=1, window=None))
train_dataloader = dict(dataset=dict(synthetic=dict(data_root='data/surreal', generator=None, num=None)))
test_evaluator = [_base_.test_evaluator, dict(type='TriangulationMetric')]  # Table 3's second figure
val_evaluator = test_evaluator
