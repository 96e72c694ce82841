# The paper's detector (appendix C.1): ResNet-50, three deconvolutions, 18 x 64 x 64 x 64 heatmaps, three hypotheses.
sync_bn = 'torch'  # batch statistics of all processes together, where there are several
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
        type='MultiHypothesisHead', in_channels=2048, num_keypoints=18, depth_bins=64, num_hypotheses=3, window=15,
        contiguous_logits=True),
    physique=dict(type='PhysiqueNetwork', channels=(32, 64, 128)),
    discriminator=dict(type='GCNDiscriminator', skeleton='h36m18', width=128, num_modules=2),
    losses=dict(
        render=dict(type='SyntheticKeypointLoss'),
        mask=dict(type='MaskLoss'),
        adversarial=dict(type='WTAAdversarialLoss')),
    test_cfg=dict(flip_test=True, output_depth_heatmaps=True))
