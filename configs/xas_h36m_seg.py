# Part colours from random colormaps in place of SURREAL's textures (Syn-Seg with the discriminator, 107.9 mm in 4.3);
# the free body will do.
_base_ = './xas_h36m.py'

bodies = [dict(type='SMPLBodyModel', model_path='free', gender=gender) for gender in ('female', 'male')]
train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root='data/synthetic_h36m_seg',
            generator=dict(body_model=bodies, appearance=dict(_delete_=True, type='PartSegmentation'), light=None))))
