# Table 3, third row: 2D labels of the targets instead of a discriminator; supervised, for comparison only. The
# paper does not give the weight of the labels.
_base_ = './xas_h36m_sur_sh_no_disc.py'

model = dict(losses=dict(planar=dict(type='PlanarKeypointLoss')))
train_dataloader = dict(
    dataset=dict(target=dict(with_labels=True, pipeline=_base_.train_dataloader.dataset.synthetic.pipeline)))
train_cfg = dict(stages=[
    _base_.train_cfg.stages[0],
    dict(name='full', epochs=15, lr=2e-5, loss_weights=dict(mask=0.02, planar=1.0, render=0.5)),
])
