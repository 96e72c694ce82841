# Horses: SMAL's official horse family, and a folder of photos with masks (docs/animals.md).
_base_ = './xas_dog_stanfordext.py'
smal, horses = f'{_base_.data_root}/body_models/smal', f'{_base_.data_root}/horses'
horse = dict(_base_.train_dataloader.dataset.synthetic.generator.body_model[0], model_path=f'{smal}/smal_CVPR2017.pkl',
             shape_data=f'{smal}/smal_CVPR2017_data.pkl', shape_family='horse')
pairs = dict(data_root=f'{_base_.rendered_root}/synthetic_horse', generator=dict(body_model=[horse]))
photos = dict(_base_.photo_folder, data_root=f'{horses}/images', masks=f'{horses}/masks')
train_dataloader = dict(dataset=dict(synthetic=pairs, target=dict(photos, pipeline=_base_.target_pipeline)))
val_dataloader = test_dataloader = dict(dataset=dict(photos, test_mode=True, pipeline=_base_.test_pipeline))
val_evaluator = test_evaluator = _base_.photo_folder_metric
