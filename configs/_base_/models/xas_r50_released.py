# The detector and its supervision as in the authors' code (docs/method.md, by option); the input is RGB / 255.
_base_ = './xas_r50.py'

model = dict(
    data_preprocessor=dict(mean=[0, 0, 0], std=[255, 255, 255]),
    backbone=dict(init_cfg=dict(checkpoint='torchvision://resnet50.imagenet1k_v2')),
    head=dict(
        decoder=dict(align_corners=True),
        init_cfg=[dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d'])]),
    discriminator=dict(norm='graph', self_loops=True),
    losses=dict(
        render=dict(level='batch'),
        mask=dict(clip='released'),
        adversarial=dict(half=False, detach=True),
        symmetry=dict(type='SymmetryLoss', bones='limbs', level='batch')),
    test_cfg=dict(flip_test=False))
