# No discriminator (Syn-Texture of Table 4; Table 3's first row: xas_h36m_sur_sh_no_disc.py).
_base_ = './xas_h36m.py'

model = dict(
    discriminator=None,
    losses=dict(_delete_=True, render=dict(type='SyntheticKeypointLoss'), mask=dict(type='MaskLoss')))
train_cfg = dict(stages=[
    dict(name='synthetic', epochs=50, lr=2e-4, schedule='step', milestones=(40, ), loss_weights=dict(render=1.0)),
    dict(name='full', epochs=15, lr=2e-5, loss_weights=dict(mask=0.02, render=0.5)),
])
