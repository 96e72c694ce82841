# Training and testing on Human3.6M as in the authors' code (SynMH); the config for their checkpoints.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/h36m_released.py', './_base_/models/xas_r50_released.py',
    './_base_/schedules/xas_released.py'
]
randomness = dict(seed=0)
