# Table 3, second row: an MLP as discriminator of the single-hypothesis detector.
_base_ = './xas_h36m_sur_sh.py'

model = dict(discriminator=dict(_delete_=True, type='MLPDiscriminator'))
