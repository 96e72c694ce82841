# As in the authors' code on SURREAL, with the single-hypothesis detector of eq. 2 (SurSH of Table 1).
_base_ = './xas_h36m_sur_released.py'

model = dict(head=dict(decoder=dict(decoding=dict(num_hypotheses=1, window=None))))
# Table 3's second number is the error of triangulated poses.
test_evaluator = [
    _base_.test_evaluator,
    dict(type='TriangulationMetric', protocol='released', groups=_base_.test_evaluator.groups)]
val_evaluator = test_evaluator
