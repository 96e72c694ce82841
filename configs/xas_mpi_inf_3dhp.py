# The paper's training on MPI-INF-3DHP (SynMH of Table 2).
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/mpi_inf_3dhp.py', './_base_/models/xas_r50.py',
    './_base_/schedules/xas_paper.py'
]
randomness = dict(seed=0)
