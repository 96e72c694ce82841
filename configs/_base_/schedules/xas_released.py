# The authors' schedule: their second stage loads the first one's optimizer, and with it its last rate. A step sums the
# losses of 32 images of each of four cameras, which one winner a batch and the batch statistics do not mix.
_base_ = './xas_paper.py'

train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=50, lr=2e-4, schedule='step', milestones=(40, ), loss_weights=dict(render=1.0)),
        dict(name='full', epochs=15, lr=2e-5,
             loss_weights=dict(mask=0.02, adversarial=0.5, render=1.0, symmetry=0.1)),
    ])
optim_wrapper = dict(accumulative_counts=4)
auto_scale_lr = dict(base_batch_size=128)
