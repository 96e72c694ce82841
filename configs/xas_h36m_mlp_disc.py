# An MLP discriminator (Table 3, row 2; the paper's ablation uses the single-hypothesis detector).
_base_ = './xas_h36m_sh.py'

model = dict(discriminator=dict(_delete_=True, type='MLPDiscriminator', skeleton='h36m18'))
