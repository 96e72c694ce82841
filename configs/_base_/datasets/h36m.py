# Human3.6M in mmpose's layout (docs/data_preparation.md) with the paper's synthetic pairs: 2000 mm around the
# root, 256 px. The background of every crop is removed by its mask, also in testing, as in the authors' code.
# h36m_train.npz holds subjects 1, 5, 6, 7 and 8, h36m_test.npz 9 and 11, every fifth frame.
crop_size = 256
data_root = '{{$MMXAS_DATA_DIR:data}}'
rendered_root = '{{$MMXAS_RENDERED_DIR:data}}'
camera_file = 'annotation_body3d/cameras.pkl'
paper_actions = ['Directions', 'Discussion', 'Posing', 'Waiting', 'Greeting', 'Walking']
other_actions = [
    'Eating', 'Phoning', 'Photo', 'Purchases', 'Sitting', 'SittingDown', 'Smoking', 'WalkDog', 'WalkTogether']

synthetic_generator = dict(
    body_model=[
        dict(type='SMPLBodyModel', model_path='official', gender=gender) for gender in ('female', 'male')],
    pose_source=dict(type='TruncatedGaussianPrior'),
    camera=dict(
        type='DatasetCameras',
        file=f'{data_root}/h36m/{camera_file}',
        names=['S1.*', 'S5.*', 'S6.*', 'S7.*', 'S8.*']),
    appearance=dict(
        type='UVTexture',
        folder=f'{data_root}/textures',  # SURREAL's, without those of its test split
        by_gender=True,
        exclude=[f'{data_root}/textures/female_test.txt', f'{data_root}/textures/male_test.txt']),
    light=dict(type='RandomLight'),
    background=dict(type='PlainBackground'),
    renderer=dict(type='EmbreeRenderer'),
    image_size=crop_size,
    crop='root_box',
    box_mm=2000)

crop = [
    dict(type='GetBBoxCenterScale', padding=1.25),  # root boxes are smaller by this factor: the crop is 2000 mm wide
    dict(type='SquareCropAffine', input_size=(crop_size, crop_size)),
    dict(type='RemoveBackground'),
]
synthetic_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask'),
    *crop,
    dict(type='GenerateNormTarget'),  # by the model's codec
    dict(type='PackXASInputs'),
]
target_pipeline = [dict(type='LoadXASImage'), dict(type='LoadMask'), *crop, dict(type='PackXASInputs')]
test_pipeline = [
    dict(type='LoadXASImage'),
    dict(type='LoadMask', on_empty='keep'),
    dict(type='SegmentInBox'),  # photos have no mask
    *crop,
    dict(type='PackXASInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='SeededSampler'),
    collate_fn=dict(type='collate_pairs'),
    dataset=dict(
        type='PairedDataset',
        synthetic=dict(
            type='SyntheticPairDataset', data_root=f'{rendered_root}/synthetic_h36m', generator=synthetic_generator,
            num=100000, box='root', pipeline=synthetic_pipeline),
        target=dict(
            type='H36MPoseDataset', data_root=f'{data_root}/h36m', camera_file=camera_file,
            ann_file='annotation_body3d/fps10/h36m_train.npz', data_prefix=dict(img='images', mask='masks'),
            actions=paper_actions, box='root', pipeline=target_pipeline)))
test_dataloader = dict(
    batch_size=32,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='H36MPoseDataset', data_root=f'{data_root}/h36m', camera_file=camera_file,
        ann_file='annotation_body3d/fps10/h36m_test.npz', data_prefix=dict(img='images', mask='masks'),
        with_labels=True, box='root', test_mode=True, pipeline=test_pipeline))
val_dataloader = test_dataloader

test_evaluator = dict(type='XASPoseMetric', groups=dict(paper=paper_actions, other=other_actions))
val_evaluator = test_evaluator
