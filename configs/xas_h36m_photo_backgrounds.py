# Without masks at test time: pairs before photos, and backgrounds left in on both sides.
_base_ = './xas_h36m.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.rendered_root}/synthetic_h36m_photos')))
xas = dict(background=dict(type='PhotoBackground'))  # eight photos; folder='…' for your own
