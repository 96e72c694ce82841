# Everything except model, data and schedule.
default_scope = 'mmpose'
custom_imports = dict(imports=['mmxas'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=2),
    keep_memory=dict(type='KeepMemoryHook'),  # steps on a CPU reuse memory
    empty_crops=dict(type='EmptyCropsHook'),  # warns if more than 5 % of a batch's crops have no foreground
    mask_coverage=dict(type='MaskCoverageHook'),  # stops if nearly all masks are empty or full
    preemption=dict(type='PreemptionHook'),  # SIGTERM saves and exits
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='XASVisualizationHook'),
    evaluation_context=dict(type='EvaluationContextHook'),  # model, checkpoint and data in result files
)
custom_hooks = [dict(type='SyncBuffersHook')]

env_cfg = dict(
    cudnn_benchmark=True,  # all crops have the same size
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # tools/train.py and tools/test.py use gloo without a GPU
)

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='XASVisualizer', vis_backends=vis_backends, name='visualizer')

log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
backend_args = dict(backend='local')
