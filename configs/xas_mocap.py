# Quick human detector: built-in data, minutes on a laptop's CPU.
_base_ = [
    './_base_/default_runtime.py', './_base_/datasets/mocap_human.py', './_base_/models/xas_lite0.py',
    './_base_/schedules/xas_quick.py'
]
randomness = dict(seed=0)
