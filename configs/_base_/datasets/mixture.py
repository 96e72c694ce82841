# Figure 5's scale-up: targets from Human3.6M, MPI-INF-3DHP and TikTok, evaluation on MPII. For two data sets, set
# `target=dict(datasets=[_base_.h36m_target, _base_.mpi_inf_3dhp_target], ratios=[1, 1])`. The paper gives no ratios;
# shares are equal here.
_base_ = './mpii.py'

h36m_target = dict(
    type='H36MPoseDataset', data_root=f'{_base_.data_root}/h36m', camera_file=_base_.camera_file,
    ann_file='annotation_body3d/fps10/h36m_train.npz', data_prefix=dict(img='images', mask='masks'),
    actions=_base_.paper_actions, box='root', pipeline=_base_.target_pipeline)
mpi_inf_3dhp_target = dict(
    type='MPIINF3DHPDataset', data_root=f'{_base_.data_root}/mpi_inf_3dhp', camera_file='annotations/cameras_train.pkl',
    ann_file='annotations/mpi_inf_3dhp_train.npz', data_prefix=dict(img='images', mask='masks'),
    subjects=['S1', 'S2', 'S3', 'S4', 'S5', 'S6'], cameras=['0', '2', '4', '7', '8'], box='root',
    pipeline=_base_.target_pipeline)
tiktok_target = dict(type='TikTokDataset', data_root=f'{_base_.data_root}/tiktok', pipeline=_base_.target_pipeline)

train_dataloader = dict(
    dataset=dict(
        target=dict(
            _delete_=True, type='MixedDataset', datasets=[h36m_target, mpi_inf_3dhp_target, tiktok_target],
            ratios=[1, 1, 1])))
