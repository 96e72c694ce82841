# Detector for photos of dogs: xas_photos.py with a dog's body, coats, poses and motions.
_base_ = ['../../../configs/xas_photos.py', './_base_/dog.py']

breeds = dict(type='TruncatedGaussianPrior', file=f'{_base_.dog_data}/dog_breeds_pose_prior.json')
dog_generator = dict(
    _base_.photo_generator,
    **_base_.dog_body,
    pose_source=dict(
        type='MixedPoses', sources=[breeds, dict(_base_.dog_poses, shape_std=2.0, shape_limit=4.0)],
        weights=[2, 1], turned=0.03),
    camera=dict(type='SampledCamera', distance=(1500, 5500), pitch=(-20, 50), roll=(-10, 10)),
    appearance=dict(
        type='OneOf',
        choices=[
            dict(type='PartSegmentation'),
            _base_.dog_coats,
            dict(type='PaintedClothes', file=f'{_base_.dog_data}/dog_patchwork.json')],
        weights=[1, 3, 1]))
target_generator = dict(
    _base_.target_generator, **_base_.dog_body, pose_source=_base_.dog_poses,
    appearance=_base_.dog_coats)
model = dict(skeleton=_base_.dog_skeleton, test_cfg=dict(zooms=[1.0]))

dog_pairs = f'{_base_.rendered_root}/synthetic_dog_photos'
motions = dict(
    type='RenderedMotions', splits=f'{_base_.dog_data}/dog_motion_splits.json',
    data_root=f'{_base_.rendered_root}/dog_motion', generator=target_generator)
train_dataloader = dict(
    dataset=dict(
        synthetic=dict(data_root=dog_pairs, generator=dict(_delete_=True, **dog_generator)),
        target=motions))
val_dataloader = dict(dataset=motions)
test_dataloader = dict(dataset=motions)

val_evaluator = dict(mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json')
test_evaluator = dict(
    mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json',
    groups=dict(held_out=['gallop', 'lie', 'play_bow'], ood=['beg', 'scratch']))
