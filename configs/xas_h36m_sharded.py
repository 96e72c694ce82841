# The paper's training with the backbone's parameters sharded over processes (FSDP), for backbones that do not fit on
# one device: tools/dist_train.sh configs/xas_h36m_sharded.py 8
_base_ = './xas_h36m.py'

runner_type = 'FlexibleRunner'
strategy = dict(type='ShardedBackboneStrategy', sync_bn='torch')
# FSDP would load the optimizer state of a channels-last backbone in another order.
model = dict(channels_last=False)
