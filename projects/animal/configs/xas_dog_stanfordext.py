# The paper's dogs (4.4.2): SynMH with part colours on StanfordExtra, ResNet-50, 256 px, both stages in one run.
_base_ = ['../../../configs/xas_h36m_seg.py', './_base_/stanford_extra.py']
custom_imports = dict(imports=['mmxas', 'projects.animal.animal'], allow_failed_imports=False)

data = 'projects/animal/data'
model = dict(skeleton=f'{data}/dog26.json')

train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_dog_seg',
            num=12000,
            box='mask',
            generator=dict(
                body_model=[dict(type='SMALBodyModel', keypoints=f'{data}/dog_keypoints.json')],
                pose_source=dict(file=f'{data}/dog_pose_prior.json'),
                camera=dict(_delete_=True, type='SampledCamera'),
                crop='mask',
                margin=1.25)),
        target=dict(**_base_.stanford_extra, split='train', pipeline=_base_.target_pipeline)))
val_dataloader = dict(
    dataset=dict(
        **_base_.stanford_extra, split='val', missing_split='all', with_labels=True, test_mode=True,
        pipeline=_base_.test_pipeline))
test_dataloader = dict(
    dataset=dict(
        **_base_.stanford_extra, split='test', missing_split='all', with_labels=True, test_mode=True,
        pipeline=_base_.test_pipeline))

val_evaluator = _base_.stanford_extra_metric
test_evaluator = _base_.stanford_extra_metric
