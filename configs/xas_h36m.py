# The paper's recipe on Human3.6M (SynMH of Table 1): both stages in one run, on 8 GPUs or 1 at batch 32 in all.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/h36m.py', './_base_/models/xas_r50.py',
    './_base_/schedules/xas_paper.py'
]
randomness = dict(seed=0)
