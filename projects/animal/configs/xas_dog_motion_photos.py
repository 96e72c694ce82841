# xas_dog_motion.py tested on the photos of StanfordExtra, which are not used for training.
_base_ = ['./xas_dog_motion.py', './_base_/stanford_extra.py']
custom_imports = dict(imports=['mmxas', 'projects.animal.animal'], allow_failed_imports=False)

test_dataloader = dict(
    dataset=dict(
        **_base_.stanford_extra, split='test', missing_split='all', with_labels=True, test_mode=True,
        pipeline=_base_.test_pipeline))
test_evaluator = _base_.stanford_extra_metric
