# Detector for photos of people: trained both on bodies in front of photos and on bodies with the background removed, so
# that it works with a good mask and without any. xas_photos_160.py continues from its weights.
_base_ = './xas_mocap.py'

crop_size = 128
# Most people in photos are upright and face the camera; a few sit, crouch, lie, hang, raise their arms or turn over.
poses = dict(
    type='MixedPoses',
    sources=[
        dict(type='TruncatedGaussianPrior', file='smpl_wide_pose_prior'),
        dict(type='TruncatedGaussianPrior', file='smpl_seated_pose_prior'),
        dict(type='TruncatedGaussianPrior', file='smpl_raised_arms_pose_prior'),
        dict(type='MocapPoses'),
        dict(type='MocapPoses', file='video_poses')],
    weights=[2, 1, 2, 1.5, 3],
    turned=0.15)
skin = dict(type='UVTexture', folder='free_human_wardrobe/skins')
photo_generator = dict(
    _base_.synthetic_generator,
    pose_source=poses,
    camera=dict(type='SampledCamera', distance=(1800, 6000), pitch=(-25, 45), roll=(-10, 10), frontal=0.5),
    appearance=dict(
        type='OneOf',
        choices=[
            dict(type='PartSegmentation'),
            dict(type='DressedBody', body=dict(type='PaintedClothes', file='smpl_photo_clothes', skin=skin)),
            dict(type='DressedBody', body=dict(type='PaintedClothes', file='smpl_patchwork_clothes', skin=skin),
                 chances=dict(hair=0.5))],
        weights=[1, 8, 3]),
    light=dict(type='RandomLight', ambient=(0.35, 0.8), diffuse=(0.2, 1.0), azimuth=120, tint=0.2),
    background=dict(
        type='OneOf',
        choices=[dict(type='PhotoBackground', folder=['backgrounds', 'environments']), dict(type='NoiseBackground')],
        weights=[5, 1]))

augmentation = [
    dict(type='RandomCropJitter', shift=0.08, scale=(0.8, 1.25), rotation=30),
    dict(type='RandomMirror', prob=0.5),
    dict(type='SquareCropAffine', input_size=(crop_size, crop_size), border='reflect'),  # no black corners in photos
]
appearance_changes = [
    dict(type='RandomPhotometric', jpeg_prob=0.3),
    dict(type='RandomMaskErrors'),
    dict(type='RemoveBackground', prob=0.5),
]
synthetic_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    *augmentation,
    dict(type='RandomOccluder'),
    *appearance_changes,
    dict(type='GenerateNormTarget'),
    dict(type='PackXASInputs'),
]
target_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    *augmentation,
    *appearance_changes,
    dict(type='PackXASInputs'),
]
# The segmenter's masks can miss limbs, and without a mask the person is harder to find: testing uses each crop with and
# without its background.
test_pipeline = [step for step in _base_.test_pipeline if step['type'] != 'RemoveBackground']
photo_pairs = f'{_base_.rendered_root}/synthetic_photos'
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        synthetic=dict(
            data_root=photo_pairs, generator=dict(_delete_=True, **photo_generator), num=16384,
            pipeline=synthetic_pipeline),
        target=dict(pipeline=target_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# 32 x 32 x 64 bins: 0.2 of a torso, the unit of PCK, is about one bin of 16 x 16. To use EfficientNet-Lite2, set
# model_name='tf_efficientnet_lite2' and in_channels=(48, 120).
model = dict(
    head=dict(deconv_out_channels=(192, ), deconv_kernel_sizes=(4, ), depth_bins=64,
              decoder=dict(decoding=dict(window=9))),
    test_cfg=dict(background='both', zooms=[1.0, 0.9, 0.8], facings=8,
                  decoding=dict(window=15, xy_window=7, xy_peak_window=7)))  # docs/real_photos.md

# Batches of 16 from 3072 pairs give 192 iterations per epoch: 6912 in the first stage and 192 in the second.
synthetic_stage, full_stage = _base_.train_cfg.stages
train_cfg = dict(
    stages=[
        dict(synthetic_stage, epochs=36, lr=4e-3, decay_begin=0.5, min_lr=4e-5, warmup_iters=100),
        full_stage])
optim_wrapper = dict(
    optimizer=dict(lr=4e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1 / 2))))
# Evaluation and checkpoints use the average of the weights over about the last 500 iterations.
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='EMAHook', momentum=2e-3, update_buffers=True),
]
