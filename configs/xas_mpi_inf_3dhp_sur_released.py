# As in the authors' code on MPI-INF-3DHP with SURREAL's pairs (SurMH): a shorter second stage with larger weights.
_base_ = './xas_mpi_inf_3dhp_released.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
train_cfg = dict(stages=[
    _base_.train_cfg.stages[0],
    dict(name='full', epochs=10, lr=2e-5, loss_weights=dict(mask=0.02, adversarial=1.0, render=3.0, symmetry=0.05)),
])
