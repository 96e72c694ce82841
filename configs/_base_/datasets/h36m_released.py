# Human3.6M as the authors' code reads it: background removed by the mask, at test time too; trained on all actions but
# four, tested on all.
_base_ = './h36m.py'

released_actions = [*_base_.paper_actions, 'Purchases', 'SittingDown', 'Photo', 'WalkDog', 'WalkTogether']

encoder = dict(type='NormCodec', input_size=(_base_.crop_size, _base_.crop_size), mapping='released')
masked_crop = [*_base_.crop, dict(type='RemoveBackground')]
synthetic_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    *masked_crop,
    dict(type='GenerateNormTarget', encoder=encoder),
    dict(type='PackXASInputs'),
]
target_pipeline = [dict(type='LoadXASImage'), dict(type='LoadMask'), *masked_crop, dict(type='PackXASInputs')]
test_pipeline = [
    dict(type='LoadXASImage'), dict(type='LoadMask', on_empty='keep'), *masked_crop, dict(type='PackXASInputs')]

train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root='data/synthetic_h36m_released',
            generator=dict(pose_source=dict(mode='clip')),
            pipeline=synthetic_pipeline),
        target=dict(actions=released_actions, pipeline=target_pipeline)))
test_dataloader = dict(dataset=dict(data_prefix=dict(img='images', mask='masks'), pipeline=test_pipeline))
val_dataloader = test_dataloader

test_evaluator = dict(
    protocol='released',
    groups=dict(_delete_=True, all=[*_base_.paper_actions, *_base_.other_actions], paper=_base_.paper_actions))
val_evaluator = test_evaluator
