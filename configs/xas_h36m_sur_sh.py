# Pairs from SURREAL for the single-hypothesis detector (SurSH of Table 1, "ours" of Table 3).
_base_ = './xas_h36m_sur.py'

model = dict(head=dict(decoder=dict(decoding=dict(num_hypotheses=1, window=None))))
# Table 3's second number is the error of triangulated poses.
test_evaluator = [_base_.test_evaluator, dict(type='TriangulationMetric', groups=_base_.test_evaluator.groups)]
val_evaluator = test_evaluator
