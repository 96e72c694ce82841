# The detector `human`: xas_photos.py at 160 px, from its weights (load_from=…, docs/training.md).
_base_ = './xas_photos.py'
xas = dict(
    crop_size=160,
    data_root=dict(
        synthetic_photos=f'{_base_.rendered_root}/synthetic_photos_160',
        mocap_human=f'{_base_.rendered_root}/mocap_human_160'))

model = dict(test_cfg=dict(zooms=[1.0, 0.85]))  # docs/real_photos.md

# 6528 iterations in the first stage, after which the weights of `human` were taken, and 192 in the second.
synthetic_stage, full_stage = _base_.train_cfg.stages
train_cfg = dict(stages=[dict(synthetic_stage, epochs=34, lr=2.5e-3, decay_begin=0.3, min_lr=2e-5), full_stage])
