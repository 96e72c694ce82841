# Minutes on a CPU: synthetic pairs first, then masks and discriminator with weights that suit a short first stage.
# Learning rates apply to neck and head; a backbone with ImageNet weights has a third of them.
_base_ = './xas_paper.py'

train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=5, lr=3e-3, schedule='linear', min_lr=3e-5, warmup_iters=20,
             loss_weights=dict(render=0.1, marginal=0.1, facing=0.1)),
        dict(name='full', epochs=1, lr=6e-4, schedule='cosine', warmup_iters=20,
             loss_weights=dict(render=1.0, marginal=0.1, facing=0.1, mask=0.1, adversarial=0.005)),
    ],
    val_interval=100)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    optimizer=dict(lr=3e-3, betas=(0.9, 0.999)),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1 / 3), discriminator=dict(lr_mult=1 / 3))),
    clip_grad=dict(max_norm=10.0))
