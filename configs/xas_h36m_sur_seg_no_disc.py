# Part colours on SURREAL's poses and shapes, no discriminator (Sur-Seg of Table 4).
_base_ = './xas_h36m_seg_no_disc.py'

train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_surreal_seg',
            generator=dict(
                body_model=_base_.synthetic_generator.body_model,
                pose_source=dict(
                    _delete_=True, type='PairPoses', data_root=f'{_base_.data_root}/surreal', y_axis='down')))))
