# Part colours from random colormaps instead of SURREAL's textures (Syn-Seg with the discriminator, 107.9 mm in 4.3).
_base_ = './xas_h36m.py'

train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_h36m_seg',
            generator=dict(appearance=dict(_delete_=True, type='PartSegmentation'), light=None))))
