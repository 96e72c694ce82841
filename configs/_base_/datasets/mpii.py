# Training as on Human3.6M, evaluation on the in-the-wild images of MPII (Figure 5): PCKh@0.5 and the 2D error. MPII is
# not used for training. Layout, masks and excluded images: docs/data_preparation.md.
_base_ = './h36m.py'

test_dataloader = dict(
    batch_size=32,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        _delete_=True, type='MPIIPoseDataset', data_root=f'{_base_.data_root}/mpii',
        ann_file='annotations/mpii_val.json', headbox_file='annotations/mpii_gt_val.mat',
        data_prefix=dict(img='images', mask='masks'), with_labels=True,
        mask_coverage=(0.1 / 3, 0.7 / 3), complete=True, test_mode=True, pipeline=_base_.test_pipeline))
val_dataloader = test_dataloader

# PCKh of all labelled keypoints, as in the authors' code, and of the 14 of MPII's own evaluation.
test_evaluator = dict(
    _delete_=True, type='XASPoseMetric',
    keypoints=['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'neck', 'head',
               'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist'])
val_evaluator = test_evaluator
