# As in the authors' code with SURREAL's pairs (SurMH), which have three times the weight in the second stage.
_base_ = './xas_h36m_released.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
train_cfg = dict(stages=[
    _base_.train_cfg.stages[0],
    dict(name='full', epochs=15, lr=2e-5, loss_weights=dict(mask=0.02, adversarial=0.5, render=3.0, symmetry=0.1)),
])
