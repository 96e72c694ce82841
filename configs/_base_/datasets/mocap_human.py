# Synthetic pairs and the built-in target domain at 128 px, rendered on first use (docs/datasets.md). The background of
# every crop is removed by its mask, also in testing, as in the paper's released code, so that synthetic and target
# crops differ in the body only.
crop_size = 128
rendered_root = '{{$MMXAS_RENDERED_DIR:data}}'
stored_size = 192  # covers 1.25 * 1.5 times the body's box, so that augmented crops stay inside

bodies = [dict(type='SMPLBodyModel', model_path='free', gender=gender) for gender in ('female', 'male', 'neutral')]
synthetic_generator = dict(
    body_model=bodies,
    pose_source=dict(type='TruncatedGaussianPrior', file='smpl_wide_pose_prior'),
    camera=dict(type='SampledCamera'),
    appearance=dict(type='OneOf', choices=[dict(type='PartSegmentation'), dict(type='PaintedClothes')], weights=[1, 2]),
    light=dict(type='RandomLight'),
    background=dict(type='NoiseBackground'),
    renderer=dict(type='EmbreeRenderer'),
    image_size=stored_size)
target_generator = dict(
    body_model=bodies,
    pose_source=dict(type='MocapPoses'),
    camera=dict(type='SampledCamera'),
    appearance=dict(type='PaintedClothes'),
    light=dict(type='RandomLight'),
    background=dict(type='PhotoBackground'),
    renderer=dict(type='EmbreeRenderer'),
    image_size=stored_size)

augmentation = [
    dict(type='RandomCropJitter', shift=0.05, scale=(0.9, 1.1), rotation=10),
    dict(type='RandomMirror', prob=0.5),
    dict(type='SquareCropAffine', input_size=(crop_size, crop_size)),
]
synthetic_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    *augmentation,
    dict(type='RandomPhotometric', blur_prob=0.2, noise_prob=0.2),
    dict(type='RemoveBackground'),
    dict(type='GenerateNormTarget'),  # by the model's codec
    dict(type='PackXASInputs'),
]
target_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    *augmentation,
    dict(type='RandomPhotometric'),
    dict(type='RemoveBackground'),
    dict(type='PackXASInputs'),
]
test_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask', on_empty='keep'),
    dict(type='SegmentInBox'),  # photos have no mask
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='SquareCropAffine', input_size=(crop_size, crop_size)),
    dict(type='RemoveBackground'),
    dict(type='PackXASInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='SeededSampler'),
    collate_fn=dict(type='collate_pairs'),
    dataset=dict(
        type='PairedDataset',
        length=3072,
        synthetic=dict(
            type='SyntheticPairDataset', data_root=f'{rendered_root}/synthetic_human', generator=synthetic_generator,
            num=12288, pipeline=synthetic_pipeline),
        target=dict(
            type='MocapHuman', data_root=f'{rendered_root}/mocap_human', split='train', clips=None,
            generator=target_generator, num=4096, seed=1, pipeline=target_pipeline)))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='MocapHuman', data_root=f'{rendered_root}/mocap_human', split='val', with_labels=True,
        generator=target_generator, num=256, seed=2, test_mode=True, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='MocapHuman', data_root=f'{rendered_root}/mocap_human', split=('test', 'ood'), with_labels=True,
        generator=target_generator, num=512, seed=3, test_mode=True, pipeline=test_pipeline))

val_evaluator = dict(type='XASPoseMetric', mean_pose_file='mocap_human_mean_pose')
test_evaluator = dict(
    type='XASPoseMetric',
    mean_pose_file='mocap_human_mean_pose',
    groups=dict(
        held_out=['run', 'dance_b'],
        ood=['backflip', 'cartwheel', 'crawl', 'getup_facedown', 'getup_faceup', 'roll']))
