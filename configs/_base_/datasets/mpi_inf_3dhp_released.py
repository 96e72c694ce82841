# MPI-INF-3DHP as in the authors' code.
_base_ = './mpi_inf_3dhp.py'

train_dataloader = dict(
    dataset=dict(
        length='target',
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_h36m_released',
            generator=dict(pose_source=dict(mode='clip')))))

test_evaluator = dict(protocol=dict(name='released', average='samples'))  # the authors average over samples here
val_evaluator = test_evaluator
