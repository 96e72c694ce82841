# Part colours, no discriminator (Syn-Seg of Table 4; with it: xas_h36m_seg.py).
_base_ = './xas_h36m_no_disc.py'

train_dataloader = dict(
    dataset=dict(
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_h36m_seg',
            generator=dict(appearance=dict(_delete_=True, type='PartSegmentation'), light=None))))
