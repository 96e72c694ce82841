# The paper's recipe with the backbone's parameters in shards over the processes (FSDP), for backbones that one device
# cannot hold: tools/dist_train.sh configs/xas_h36m_sharded.py 8
_base_ = './xas_h36m.py'

runner_type = 'FlexibleRunner'
strategy = dict(type='ShardedBackboneStrategy', sync_bn='torch')
# FSDP would resume the optimizer of a channels-last backbone in another order.
model = dict(channels_last=False)
