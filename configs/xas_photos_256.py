# Detector for photos on a GPU: crops of 256 px, EfficientNet-Lite2, the paper's heatmaps of 64 x 64 x 64 bins. Sized
# for about six minutes, rendering included, on one H100-class GPU with 16 cores (docs/training.md). No weights were
# trained with it.
# To use ResNet-50, set model_name='resnet50', pretrained=False, checkpoint_path to torchvision's file of weights, and
# in_channels=(512, 1024).
_base_ = './xas_photos.py'
xas = dict(
    crop_size=256,
    data_root=dict(
        synthetic_photos=f'{_base_.rendered_root}/synthetic_photos_256',
        mocap_human=f'{_base_.rendered_root}/mocap_human_256'))

model = dict(
    backbone=dict(model_name='tf_efficientnet_lite2', depthwise_float32=False),  # float32 is for the CPU
    neck=dict(in_channels=(48, 120)),
    head=dict(decoder=dict(decoding=dict(window=15))),
    # Bins are half as wide as in xas_photos.py; the search for the facing was not tried with such bins.
    test_cfg=dict(facings=0, decoding=dict(xy_window=13, xy_peak_window=13)))

train_dataloader = dict(
    batch_size=32,
    num_workers=12,  # deliver three times what the step is estimated to take
    dataset=dict(length=12288, target=dict(num=2048)))

# 384 iterations per epoch: 4224 in the first stage and 384 in the second.
synthetic_stage, full_stage = _base_.train_cfg.stages
train_cfg = dict(stages=[dict(synthetic_stage, epochs=11), full_stage])
