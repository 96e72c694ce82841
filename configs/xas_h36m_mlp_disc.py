# An MLP instead of the graph discriminator (Table 3's vanilla one: xas_h36m_sur_sh_mlp_disc.py).
_base_ = './xas_h36m.py'

model = dict(discriminator=dict(_delete_=True, type='MLPDiscriminator'))
