# Training and testing on MPI-INF-3DHP as in the authors' code (SynMH), with its own schedule; groups of five cameras.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/mpi_inf_3dhp_released.py', './_base_/models/xas_r50_released.py',
    './_base_/schedules/xas_released.py'
]
randomness = dict(seed=0)
train_cfg = dict(stages=[
    dict(name='synthetic', epochs=80, lr=2e-4, schedule='step', milestones=(70, ), loss_weights=dict(render=1.0)),
    dict(name='full', epochs=15, lr=2e-5, loss_weights=dict(mask=0.02, adversarial=1.0, render=1.0, symmetry=0.05)),
])
optim_wrapper = dict(accumulative_counts=5)
auto_scale_lr = dict(base_batch_size=160)
