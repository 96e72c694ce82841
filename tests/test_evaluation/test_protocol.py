import pytest

from mmxas.evaluation.protocol import PROTOCOLS, Protocol, load_protocol


def test_the_named_protocols():
    assert load_protocol('standard') == Protocol() == load_protocol({})
    released = load_protocol('released')
    assert released.left_right_switch and released.crop == 'root' and not released.root_centred
    assert load_protocol(released) is released


def test_each_switch_by_itself():
    changed = load_protocol(dict(name='released', left_right_switch=False))
    assert changed.to_dict() == {**PROTOCOLS['released'].to_dict(), 'left_right_switch': False}
    assert load_protocol(dict(average='action')).to_dict() == {**Protocol().to_dict(), 'average': 'action'}


def test_ground_truth_in_words():
    chosen = dict(best_of_h_per_pose=False, best_of_h_per_joint=False)
    assert Protocol(**chosen).ground_truth() == ['camera and root depth given']
    nothing = Protocol(true_root_depth=False, true_intrinsics=False, **chosen)
    assert nothing.ground_truth() == []
    assert nothing.ground_truth(crop_from_root=True) == ['crop from the true root']
    uses = load_protocol('released').ground_truth(crop_from_root=True)
    assert [use.split()[0] for use in uses] == ['camera', 'crop', 'left/right', 'best_of_h_per_joint:']


def test_what_is_refused():
    with pytest.raises(ValueError, match="protocol: one of 'standard', 'released' expected, got 'paper'"):
        load_protocol('paper')
    with pytest.raises(ValueError, match=r"unknown switches \['flip'\]; the switches are \['left_right_switch'"):
        load_protocol(dict(flip=True))
    with pytest.raises(ValueError, match="average: one of 'samples', 'action' expected"):
        load_protocol(dict(average='clip'))
    with pytest.raises(ValueError, match='cannot place poses'):
        load_protocol(dict(name='released', true_intrinsics=False))
