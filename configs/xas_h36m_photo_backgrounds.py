# No masks at test time: pairs are rendered in front of photos, and backgrounds are kept in both domains.
_base_ = './xas_h36m.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.rendered_root}/synthetic_h36m_photos')))
xas = dict(background=dict(type='PhotoBackground'))  # eight photos; folder='…' for your own
