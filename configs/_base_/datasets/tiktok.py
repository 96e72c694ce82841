# Targets from the dance videos of TikTok, with masks and without any annotation; evaluation on MPII.
_base_ = './mpii.py'

tiktok_root = 'data/tiktok'
tiktok_target = dict(type='TikTokDataset', data_root=tiktok_root, pipeline=_base_.target_pipeline)
train_dataloader = dict(dataset=dict(target=dict(_delete_=True, **tiktok_target)))
