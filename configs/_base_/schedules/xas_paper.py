# The paper's two stages (appendix C.1): 50 epochs of synthetic pairs, then 15 with masks and discriminator (eq. 17).
# The second stage has two values of ours, since the paper's (lr=1e-4, adversarial=1.0) destroy the detector: the rate
# is the final one of stage 1, as in the authors' code, and the discriminator's gradient about 8 % of that of the pairs
# (docs/training.md, "Weights of the second stage").
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='synthetic', epochs=50, lr=2e-4, schedule='step', milestones=(40, ),
             loss_weights=dict(render=1.0)),
        dict(name='full', epochs=15, lr=2e-5, loss_weights=dict(mask=0.02, adversarial=0.005, render=0.5)),
    ],
    val_interval=5)
val_cfg = dict(type='XASValLoop')
test_cfg = dict(type='XASTestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999)))
auto_scale_lr = dict(base_batch_size=32)
