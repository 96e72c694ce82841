# Figure 5, second training set: Human3.6M and MPI-INF-3DHP; tested on MPII.
_base_ = './xas_scale_h36m_3dhp_tiktok.py'

train_dataloader = dict(
    dataset=dict(target=dict(datasets=[_base_.h36m_target, _base_.mpi_inf_3dhp_target], ratios=[1, 1])))
