# Human3.6M as in the authors' code: training on 200 random frames per recording of all actions but four, testing on 40
# frames per recording of all actions.
_base_ = './h36m.py'

released_actions = [*_base_.paper_actions, 'Purchases', 'SittingDown', 'Photo', 'WalkDog', 'WalkTogether']

train_dataloader = dict(
    dataset=dict(
        length='target',
        synthetic=dict(
            data_root=f'{_base_.rendered_root}/synthetic_h36m_released',
            generator=dict(pose_source=dict(mode='clip'))),
        target=dict(actions=released_actions, random_frames=200)))
test_dataloader = dict(dataset=dict(random_frames=40))
val_dataloader = test_dataloader

test_evaluator = dict(
    protocol='released',
    groups=dict(_delete_=True, paper=_base_.paper_actions, all=[*_base_.paper_actions, *_base_.other_actions]))
val_evaluator = test_evaluator
