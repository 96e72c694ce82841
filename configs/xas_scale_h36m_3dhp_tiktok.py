# Figure 5, third training set: Human3.6M, MPI-INF-3DHP and TikTok; tested on MPII.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/mixture.py', './_base_/models/xas_r50.py',
    './_base_/schedules/xas_paper.py'
]
randomness = dict(seed=0)
