# Full dog detector on built-in data: eight times the iterations of xas_dog_motion.py, like xas_mocap_full.py.
_base_ = './xas_dog_motion.py'

model = dict(test_cfg=dict(decoding=dict(xy_window=5)))  # for photos: docs/real_photos.md

train_dataloader = dict(dataset=dict(length=16384))
train_cfg = dict(
    stages=[
        dict(name='synthetic', epochs=8, lr=3e-3, schedule='linear', decay_begin=0.5, min_lr=3e-5, warmup_iters=20,
             loss_weights=dict(render=0.1, marginal=0.1, facing=0.1)),
        dict(name='full', epochs=1, lr=6e-4, schedule='cosine', warmup_iters=50,
             loss_weights=dict(render=1.0, marginal=0.1, facing=0.1, mask=0.1, adversarial=0.005)),
    ])
