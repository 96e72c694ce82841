# MPI-INF-3DHP as tools/dataset_converters/mpi_inf_3dhp.py writes it (docs/data_preparation.md): subjects 1 to 6 against
# 7 and 8, five chest-height cameras, with the paper's synthetic pairs: 2000 mm around the root, 256 px. The background
# of every crop is removed by its mask, also in testing, as in the authors' code.
crop_size = 256
data_root = '{{$MMXAS_DATA_DIR:data}}'
rendered_root = '{{$MMXAS_RENDERED_DIR:data}}'
ann_file = 'annotations/mpi_inf_3dhp_train.npz'  # all eight subjects
camera_file = 'annotations/cameras_train.pkl'
train_subjects = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6']
test_subjects = ['S7', 'S8']
chest_height = ['0', '2', '4', '7', '8']

synthetic_generator = dict(
    body_model=[
        dict(type='SMPLBodyModel', model_path='official', gender=gender) for gender in ('female', 'male')],
    pose_source=dict(type='TruncatedGaussianPrior'),
    camera=dict(
        type='DatasetCameras',
        file=f'{data_root}/h36m/annotation_body3d/cameras.pkl',  # the paper renders in the views of Human3.6M for both
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
            type='MPIINF3DHPDataset', data_root=f'{data_root}/mpi_inf_3dhp', camera_file=camera_file, ann_file=ann_file,
            data_prefix=dict(img='images', mask='masks'), subjects=train_subjects, actions=None, cameras=chest_height,
            box='root', pipeline=target_pipeline)))
test_dataloader = dict(
    batch_size=32,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='MPIINF3DHPDataset', data_root=f'{data_root}/mpi_inf_3dhp', camera_file=camera_file, ann_file=ann_file,
        data_prefix=dict(img='images', mask='masks'), subjects=test_subjects, cameras=chest_height,
        sample_interval=2,  # every 10th
        with_labels=True, box='root', test_mode=True, pipeline=test_pipeline))
val_dataloader = test_dataloader
# The official test set instead of subjects 7 and 8: `test_dataloader = dict(dataset=official_test)`. It has no masks,
# so its images are segmented during testing, which is recorded in the results.
official_test = dict(
    ann_file='annotations/mpi_inf_3dhp_test.npz', camera_file='annotations/cameras_test.pkl', subjects=None,
    cameras=None, sample_interval=1, drop_occluded=None, data_prefix=dict(img='images', mask=None))

# PCK and AUC of all 18 keypoints, as in the authors' code, and of the 14 of the data set's own evaluation.
test_evaluator = dict(
    type='XASPoseMetric',
    keypoints=['head', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow',
               'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle'])
val_evaluator = test_evaluator
