# The detector `dog`: xas_photos.py with a dog's body, coats, poses and motions, from the weights `human`
# (load_from=mmxas/weights/human.safetensors, docs/training.md).
_base_ = ['../../../configs/xas_photos.py', './_base_/dog.py']

# Most dogs in photos stand, sit or lie. Many face the camera, which is near and often above them.
postures = [
    dict(type='TruncatedGaussianPrior', file=f'{_base_.dog_data}/dog_{name}_pose_prior.json')
    for name in ('standing', 'seated', 'lying', 'breeds')]
dog_generator = dict(
    _base_.photo_generator,
    **_base_.dog_body,
    pose_source=dict(
        type='MixedPoses', sources=[*postures, dict(_base_.dog_poses, shape_std=2.0, shape_limit=4.0)],
        weights=[4, 2, 1.5, 1.5, 1.5], turned=0.03),
    camera=dict(type='SampledCamera', distance=(1200, 4500), pitch=(-10, 50), roll=(-10, 10), frontal=0.4),
    light=dict(_base_.photo_generator.light, ambient=(0.5, 1.0)),
    appearance=dict(
        type='OneOf',
        choices=[
            dict(type='PartSegmentation'),
            _base_.dog_coats,
            dict(type='PaintedClothes', file=f'{_base_.dog_data}/dog_patchwork.json')],
        weights=[1, 5, 1]))
target_generator = dict(
    _base_.target_generator, **_base_.dog_body, pose_source=_base_.dog_poses,
    appearance=_base_.dog_coats)
model = dict(skeleton=_base_.dog_skeleton, test_cfg=dict(zooms=[1.0], facing_weight=2.0))  # docs/real_photos.md

dog_pairs = f'{_base_.rendered_root}/synthetic_dog_photos'
motions = dict(
    type='RenderedMotions', splits=f'{_base_.dog_data}/dog_motion_splits.json',
    data_root=f'{_base_.rendered_root}/dog_motion', generator=target_generator)
train_dataloader = dict(
    dataset=dict(
        synthetic=dict(data_root=dog_pairs, generator=dict(_delete_=True, **dog_generator), num=12288),
        target=motions))
val_dataloader = dict(dataset=motions)
test_dataloader = dict(dataset=motions)

val_evaluator = dict(mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json')
test_evaluator = dict(
    mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json',
    groups=dict(held_out=['gallop', 'lie', 'play_bow'], ood=['beg', 'scratch']))

# 2496 iterations in the first stage and 192 in the second; docs/training.md has the runs of the weights `dog`.
synthetic_stage, full_stage = _base_.train_cfg.stages
train_cfg = dict(stages=[dict(synthetic_stage, epochs=13, lr=3e-3, decay_begin=0.3, min_lr=2e-5), full_stage])
