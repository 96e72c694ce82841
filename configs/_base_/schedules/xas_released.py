# The authors' schedule: the second stage loads the first stage's optimizer and thereby its final rate. A step sums the
# losses of 32 images of each of four cameras; winners per batch and batch statistics are computed per camera.
_base_ = './xas_paper.py'

train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=50, lr=2e-4, schedule='step', milestones=(40, ), loss_weights=dict(render=1.0)),
        dict(name='full', epochs=15, lr=2e-5,
             loss_weights=dict(mask=0.02, adversarial=0.5, render=1.0, symmetry=0.1)),
    ])
optim_wrapper = dict(accumulative_counts=4)
auto_scale_lr = dict(base_batch_size=128)
