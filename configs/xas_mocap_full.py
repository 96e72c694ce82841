# The full recipe on built-in data: four times the iterations of the quick one, about an hour on two cores.
_base_ = './xas_mocap.py'

train_dataloader = dict(dataset=dict(length=12288))
train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=12, lr=1e-3, schedule='cosine', min_lr=1e-5, warmup_iters=100,
             loss_weights=dict(render=1.0, marginal=0.1)),
        dict(name='full', epochs=3, lr=2e-4, schedule='cosine', warmup_iters=50,
             loss_weights=dict(render=1.0, marginal=0.1, mask=0.1, adversarial=0.005)),
    ])
