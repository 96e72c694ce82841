# An MLP in place of the graph discriminator (the vanilla one of Table 3, there with the single-hypothesis detector).
_base_ = './xas_h36m.py'

model = dict(discriminator=dict(_delete_=True, type='MLPDiscriminator', skeleton='h36m18'))
