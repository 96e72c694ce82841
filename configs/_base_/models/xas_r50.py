# The paper's detector (appendix C.1): ResNet-50, three deconvolutions, 18 x 64 x 64 x 64 heatmaps, three hypotheses.
sync_bn = 'torch'  # share batch statistics across processes
# Skeleton and codec are defined only here: data sets and metrics take them from the model (docs/configs.md).
codec = dict(type='NormCodec', align_corners=False, decoding=dict(num_hypotheses=3, window=15))
model = dict(
    type='XASPoseEstimator',
    channels_last=True,
    skeleton='h36m18',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        non_blocking=True),
    backbone=dict(
        type='ResNet', depth=50, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(
        type='MultiHypothesisHead', in_channels=2048, depth_bins=64, contiguous_logits=True, decoder=codec),
    physique=dict(type='PhysiqueNetwork', channels=(32, 64, 128)),
    discriminator=dict(type='GCNDiscriminator', width=128, num_modules=2),
    losses=dict(
        render=dict(type='SyntheticKeypointLoss'),
        mask=dict(type='MaskLoss'),
        adversarial=dict(type='WTAAdversarialLoss')),
    test_cfg=dict(flip_test=True, output_depth_heatmaps=True))
