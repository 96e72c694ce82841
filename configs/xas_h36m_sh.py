# The vanilla single-hypothesis detector of eq. 2 instead of the multi-hypothesis one (SynSH of Table 1).
_base_ = './xas_h36m.py'

model = dict(head=dict(decoder=dict(decoding=dict(num_hypotheses=1, window=None))))
