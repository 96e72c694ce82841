# As in the authors' code, with the single-hypothesis detector of eq. 2 (SynSH of Table 1).
_base_ = './xas_h36m_released.py'

model = dict(head=dict(decoder=dict(decoding=dict(num_hypotheses=1, window=None))))
