# Quick dog detector: built-in data on a laptop's CPU, as xas_mocap.py with a dog's body, prior, motions and coats.
_base_ = ['../../../configs/xas_mocap.py', './_base_/dog.py']

synthetic_generator = dict(
    _base_.synthetic_generator,
    **_base_.dog_body,
    pose_source=_base_.dog_prior,
    appearance=dict(type='OneOf', choices=[dict(type='PartSegmentation'), _base_.dog_coats], weights=[1, 2]))
target_generator = dict(
    _base_.target_generator, **_base_.dog_body, pose_source=_base_.dog_poses, appearance=_base_.dog_coats)

model = dict(
    skeleton=_base_.dog_skeleton,
    # With a window, MPJPE is 1 mm higher and P-MPJPE 3 mm lower: docs/animals.md.
    test_cfg=dict(decoding=dict(xy_window=None)))

motions = dict(
    type='RenderedMotions', splits=f'{_base_.dog_data}/dog_motion_splits.json',
    data_root=f'{_base_.rendered_root}/dog_motion', generator=target_generator)
train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_dog', generator=synthetic_generator),
        target=motions))
val_dataloader = dict(dataset=motions)
test_dataloader = dict(dataset=motions)

val_evaluator = dict(mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json')
test_evaluator = dict(
    mean_pose_file=f'{_base_.dog_data}/dog_motion_mean_pose.json',
    groups=dict(held_out=['gallop', 'lie', 'play_bow'], ood=['beg', 'scratch']))
