# Figure 5, first training set: Human3.6M; tested on MPII.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/mpii.py', './_base_/models/xas_r50.py',
    './_base_/schedules/xas_paper.py'
]
randomness = dict(seed=0)
