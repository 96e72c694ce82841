# Pairs from SURREAL instead of the curated prior (SurMH of Table 1).
_base_ = './xas_h36m.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
