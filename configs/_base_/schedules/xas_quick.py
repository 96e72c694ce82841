# Minutes on a CPU: synthetic pairs first, then masks and discriminator at weights that a short first stage survives.
_base_ = './xas_paper.py'

train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=9, lr=1e-3, schedule='cosine', min_lr=1e-5, warmup_iters=50,
             loss_weights=dict(render=1.0, marginal=0.1)),
        dict(name='full', epochs=1, lr=2e-4, schedule='cosine', warmup_iters=20,
             loss_weights=dict(render=1.0, marginal=0.1, mask=0.1, adversarial=0.005)),
    ],
    val_interval=100)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    optimizer=dict(lr=1e-3, betas=(0.9, 0.999)),
    clip_grad=dict(max_norm=10.0))
