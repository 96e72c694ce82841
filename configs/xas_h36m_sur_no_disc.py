# Pairs from SURREAL, no discriminator (Sur-Texture of Table 4).
_base_ = './xas_h36m_no_disc.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
