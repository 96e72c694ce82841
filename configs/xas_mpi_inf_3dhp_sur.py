# Pairs from SURREAL for MPI-INF-3DHP (SurMH of Table 2).
_base_ = './xas_mpi_inf_3dhp.py'

train_dataloader = dict(dataset=dict(synthetic=dict(data_root=f'{_base_.data_root}/surreal', generator=None, num=None)))
