# MPI-INF-3DHP as the authors' code reads it: background removed by the mask, at test time too.
_base_ = './mpi_inf_3dhp.py'

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
        target=dict(pipeline=target_pipeline)))
test_dataloader = dict(dataset=dict(data_prefix=dict(img='images', mask='masks'), pipeline=test_pipeline))
val_dataloader = test_dataloader

test_evaluator = dict(protocol=dict(name='released', average='samples'))  # the authors average over samples here
val_evaluator = test_evaluator
