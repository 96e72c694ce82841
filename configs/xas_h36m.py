# The paper's training on Human3.6M (SynMH of Table 1): both stages in one run; batch 32 on one GPU, 4 on each of 8.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/h36m.py', './_base_/models/xas_r50.py',
    './_base_/schedules/xas_paper.py'
]
randomness = dict(seed=0)
